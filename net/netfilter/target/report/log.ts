/**
 * The `LOG` target: a line in the kernel's log, and an observation `netfilter.log`.
 * Mirrors `extensions/libxt_LOG.c` and `net/netfilter/nf_log_syslog.c`.
 */
import { observationKind } from '../../../../sim/observations.ts';
import { Outcome, type Target, type TargetKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { quotedText, TOO_SHORT } from '../../options.ts';
import { parseUnsigned32 } from '../../protocols.ts';
import { LogFlag, logLine, logPacket } from './log-line.ts';

const logged = observationKind('netfilter.log');
/** As they are printed, and as they are taken: not the same names. */
const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'];
const LEVEL_NAMES: Readonly<Record<string, number>> = {
  panic: 0,
  emerg: 0,
  alert: 1,
  crit: 2,
  error: 3,
  warning: 4,
  notice: 5,
  info: 6,
  debug: 7,
};
/** What of a prefix the kernel's structure holds. */
const PREFIX_MAX = 29;
/** The flags' option names, by bit (`XT_LOG_*`). */
const FLAG_OPTIONS: readonly (readonly [string, number])[] = [
  ['--log-tcp-sequence', LogFlag.tcpSequence],
  ['--log-tcp-options', LogFlag.tcpOptions],
  ['--log-ip-options', LogFlag.ipOptions],
  ['--log-uid', LogFlag.uid],
  ['--log-macdecode', LogFlag.macDecode],
];
const DEFAULT_LEVEL = 4;

function parseLevel(text: string): number | undefined {
  const number = parseUnsigned32(text);
  if (number !== undefined) return number <= 7 ? number : undefined;
  return Object.hasOwn(LEVEL_NAMES, text) ? LEVEL_NAMES[text] : undefined;
}

class LogTarget implements Target {
  #level = DEFAULT_LEVEL;
  #prefix = '';
  #flags = 0;

  option(name: string, value: string): string | undefined {
    const flag = FLAG_OPTIONS.find(([option]) => option === name);
    if (flag !== undefined) {
      this.#flags |= flag[1];
      return undefined;
    }
    if (name === '--log-prefix') {
      if (value === '') return TOO_SHORT;
      if (value.includes('\n')) return 'Newlines not allowed in --log-prefix';
      this.#prefix = value.slice(0, PREFIX_MAX);
      return undefined;
    }
    const level = parseLevel(value);
    if (level === undefined) return `log level "${value}" unknown\n`;
    this.#level = level;
    return undefined;
  }

  finish(): string | undefined {
    return undefined;
  }

  run(inspection: Inspection): Outcome {
    const { namespace } = inspection;
    const text = (this.#prefix + logLine(inspection, this.#flags)).trimEnd();
    if (logPacket(inspection, text)) {
      namespace.world.observe(logged, namespace.nodeIndex, this.#level, 0, text);
    }
    return Outcome.next;
  }

  save(): string {
    let text = '';
    if (this.#prefix !== '') text += ` --log-prefix${quotedText(this.#prefix)}`;
    if (this.#level !== DEFAULT_LEVEL) text += ` --log-level ${this.#level}`;
    for (const [option, bit] of FLAG_OPTIONS) if (this.#flags & bit) text += ` ${option}`;
    return text;
  }

  list(isNumeric: boolean): string {
    const prefix = this.#prefix === '' ? '' : ` prefix "${this.#prefix}"`;
    if (isNumeric) return ` LOG flags ${this.#flags} level ${this.#level}${prefix}`;
    const flags = FLAG_OPTIONS.filter(([, bit]) => this.#flags & bit);
    const words = flags.map(([option]) => ` ${option.slice('--log-'.length)}`).join('');
    return ` LOG level ${LEVELS[this.#level]}${words}${prefix}`;
  }
}

/** `-j LOG`. */
export const logTarget: TargetKind = {
  name: 'LOG',
  options: ['--log-level=', '--log-prefix=', ...FLAG_OPTIONS.map(([option]) => option)],
  create: () => new LogTarget(),
};
