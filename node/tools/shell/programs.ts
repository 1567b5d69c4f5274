/**
 * Programs that run programs: `timeout` and `nsenter`; and `sleep`, which does nothing for a while.
 */
import { SECOND_NS } from '../../../sim/time.ts';
import { parseDecimal, parseOptions } from '../options.ts';
import type { Process } from '../process.ts';

/** Exit status of `timeout` when it had to end its program. */
const TIMED_OUT = 124;

/** `timeout DURATION PROGRAM …`: interrupts the program, and then exits with 124. */
export function timeout(process: Process, argv: readonly string[]): void {
  const options = parseOptions('timeout', argv, '+s:k:');
  const [span, ...program] = typeof options === 'string' ? [] : options.operands;
  if (span === undefined || program.length === 0) {
    const reason = typeof options === 'string' ? options : 'timeout: missing operand';
    process.fail(125, `${reason}\nTry 'timeout --help' for more information.\n`);
    return;
  }
  const spanNs = spanOf(span);
  if (spanNs === undefined) {
    process.fail(125, `timeout: invalid time interval ‘${span}’\n`);
    return;
  }
  let isTimedOut = false;
  const child = process.spawn(program, (status) => process.exit(isTimedOut ? TIMED_OUT : status));
  process.whenInterrupted(() => child.interrupt());
  process.after(spanNs, () => {
    isTimedOut = true;
    child.interrupt();
  });
}

/** `2`, `0.5`, `2s`, `1m`, in ns. */
function spanOf(text: string): number | undefined {
  const unit = /[smh]$/.exec(text)?.[0];
  const number = parseDecimal(unit === undefined ? text : text.slice(0, -1));
  const factors = { s: 1, m: 60, h: 3600 };
  const factor = unit === undefined ? 1 : factors[unit as keyof typeof factors];
  return number === undefined ? undefined : Math.round(number * factor * SECOND_NS);
}

/** `nsenter --net=/var/run/docker/netns/NAME PROGRAM …`. */
export function nsenter(process: Process, argv: readonly string[]): void {
  const words = argv[0] === '-n' ? ['--net', ...argv.slice(1)] : argv;
  const attached = /^(?:--net=|-n=?)(.+)$/.exec(words[0] ?? '')?.[1];
  const path = words[0] === '--net' ? words[1] : attached;
  const program = words.slice(words[0] === '--net' ? 2 : 1);
  if (path === undefined) {
    const hint = "Try 'nsenter --help' for more information.\n";
    process.fail(1, `nsenter: no target PID specified\n${hint}`);
    return;
  }
  const name = path.slice(path.lastIndexOf('/') + 1);
  const namespace = process.place.namespaces.get(name);
  if (namespace === undefined) {
    process.fail(1, `nsenter: cannot open ${path}: No such file or directory\n`);
    return;
  }
  if (program[0] === '--') program.shift();
  const place = { ...process.place, namespace };
  const child = process.spawn(program, (status) => process.exit(status), { place });
  process.whenInterrupted(() => child.interrupt());
}

/** `sleep SECONDS`. */
export function sleep(process: Process, argv: readonly string[]): void {
  const spanNs = spanOf(argv[0] ?? '');
  if (spanNs === undefined) {
    const reason = argv.length === 0 ? 'missing operand' : `invalid time interval ‘${argv[0]}’`;
    process.fail(1, `sleep: ${reason}\nTry 'sleep --help' for more information.\n`);
    return;
  }
  process.after(spanNs, () => process.exit(0));
}
