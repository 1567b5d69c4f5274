/**
 * The `TRACE` target: every rule that the packet matches from here on, in all tables, is a line of
 * the kernel's log. Mirrors `extensions/libxt_TRACE.c` and `trace_packet` (net/ipv4/netfilter/ip_tables.c).
 */
import { Outcome, type Target, type TargetKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { type Chain, type Rule, RuleAction } from '../../rule.ts';
import { DEFAULT_LOG_FLAGS, logLine, logPacket } from './log-line.ts';

/** Logs that a traced packet has met a rule, or the end of a chain (`rule` is undefined then). */
export function traceRule(
  inspection: Inspection,
  table: string,
  chain: Chain,
  rule: Rule | undefined,
): void {
  const number = rule === undefined ? chain.rules.length + 1 : chain.rules.indexOf(rule) + 1;
  const isEnd = rule === undefined || isUnconditionalVerdict(rule);
  const word = !isEnd ? 'rule' : chain.policy === undefined ? 'return' : 'policy';
  const prefix = `TRACE: ${table}:${chain.name}:${word}:${number} `;
  logPacket(inspection, prefix + logLine(inspection, DEFAULT_LOG_FLAGS));
}

/** The kernel takes a bare verdict for the end of its chain. */
function isUnconditionalVerdict(rule: Rule): boolean {
  const { accept, drop, return: back } = RuleAction;
  return rule.isUnconditional && [accept, drop, back].some((action) => action === rule.action);
}

class TraceTarget implements Target {
  option(): string | undefined {
    return undefined;
  }

  finish(): string | undefined {
    return undefined;
  }

  run({ packet }: Inspection): Outcome {
    packet.isTraced = true;
    return Outcome.next;
  }

  save(): string {
    return '';
  }

  list(): string {
    return '';
  }
}

/** `-j TRACE`. */
export const traceTarget: TargetKind = {
  name: 'TRACE',
  options: [],
  tables: ['raw'],
  create: () => new TraceTarget(),
};
