/**
 * The `LOG` target: a line in the kernel's log, and an observation `netfilter.log`.
 * Mirrors `extensions/libxt_LOG.c` and `net/netfilter/nf_log_syslog.c`.
 */
import { observationKind } from '../../../../sim/observations.ts';
import { Outcome, type Target, type TargetKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { quotedText } from '../../options.ts';
import { LogFlag, logLine, logPacket } from './log-line.ts';

const logged = observationKind('netfilter.log');
const LEVELS = ['emerg', 'alert', 'crit', 'error', 'warning', 'notice', 'info', 'debug'];
const LEVEL_ALIASES: Readonly<Record<string, number>> = { panic: 0, warn: 4, err: 3 };
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
  if (/^\d+$/.test(text)) return Number(text) <= 7 ? Number(text) : undefined;
  const name = text.toLowerCase();
  const index = LEVELS.indexOf(name);
  if (index >= 0) return index;
  return Object.hasOwn(LEVEL_ALIASES, name) ? LEVEL_ALIASES[name] : undefined;
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
      if (value.length > 29) return `Maximum prefix length 29 for --log-prefix`;
      this.#prefix = value;
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
    const level = isNumeric ? String(this.#level) : LEVELS[this.#level]!;
    const prefix = this.#prefix === '' ? '' : ` prefix "${this.#prefix}"`;
    return ` LOG flags ${this.#flags} level ${level}${prefix}`;
  }
}

/** `-j LOG`. */
export const logTarget: TargetKind = {
  name: 'LOG',
  options: ['--log-level=', '--log-prefix=', ...FLAG_OPTIONS.map(([option]) => option)],
  create: () => new LogTarget(),
};
