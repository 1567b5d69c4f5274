/**
 * The `LOG` target: a line in the kernel's log, here an observation `netfilter.log`.
 * Mirrors `extensions/libxt_LOG.c` and `net/netfilter/nf_log_syslog.c`.
 */
import { observationKind } from '../../../sim/observations.ts';
import { formatIpv4Address } from '../../../wire/addresses.ts';
import { readU16 } from '../../../wire/bytes.ts';
import { IpProtocol, totalLengthOf, ttlOf } from '../../../wire/ipv4.ts';
import { Outcome, type Target, type TargetKind } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import { quotedText } from '../options.ts';
import { protocolName } from '../protocols.ts';

const logged = observationKind('netfilter.log');
const LEVELS = ['emerg', 'alert', 'crit', 'error', 'warning', 'notice', 'info', 'debug'];
const LEVEL_ALIASES: Readonly<Record<string, number>> = { panic: 0, warn: 4, err: 3 };
/** The flags' option names, by bit (`XT_LOG_*`). */
const FLAG_OPTIONS: readonly (readonly [string, number])[] = [
  ['--log-tcp-sequence', 1],
  ['--log-tcp-options', 2],
  ['--log-ip-options', 4],
  ['--log-uid', 8],
  ['--log-macdecode', 32],
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
    const { namespace, bytes, at, transportAt, protocol } = inspection;
    let text = `${this.#prefix}IN=${inspection.inName} OUT=${inspection.outName}`;
    text += ` SRC=${formatIpv4Address(inspection.source)}`;
    text += ` DST=${formatIpv4Address(inspection.destination)}`;
    text += ` LEN=${totalLengthOf(bytes, at)} TTL=${ttlOf(bytes, at)}`;
    text += ` PROTO=${protocolName(protocol).toUpperCase()}`;
    if (
      (protocol === IpProtocol.tcp || protocol === IpProtocol.udp) &&
      inspection.hasTransport(4)
    ) {
      text += ` SPT=${readU16(bytes, transportAt)} DPT=${readU16(bytes, transportAt + 2)}`;
    }
    if (inspection.packet.mark !== 0) text += ` MARK=0x${inspection.packet.mark.toString(16)}`;
    namespace.world.observe(logged, namespace.nodeIndex, this.#level, 0, text);
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
