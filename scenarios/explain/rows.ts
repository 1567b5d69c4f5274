/**
 * The steps of a packet as the rows of a table that a network engineer would have drawn: one row per
 * decision. Rules that only lead to other chains, and hooks that change nothing, are folded into the
 * row that they lead to; a device that hands to the next is one row with it.
 */
import type { WayStep } from '../../net/way.ts';

/** One row of the table. */
export interface Row {
  readonly atNs: number;
  readonly namespace: string;
  /** `eth0`, `veth5564dfb → eth1`, `PREROUTING`. */
  readonly place: string;
  /** `nat PREROUTING → DOCKER-INGRESS`; empty outside netfilter. */
  readonly chain: string;
  readonly text: string;
  readonly isDrop: boolean;
  readonly isRewrite: boolean;
}

/** Rows of a packet; `isWhole` gives every step a row of its own. */
export function rowsOf(steps: readonly WayStep[], isWhole: boolean): Row[] {
  if (isWhole) return steps.map((step) => rowOf(step, step.place, step.chain, wholeText(step)));
  const rows: Row[] = [];
  for (let i = 0; i < steps.length; ) {
    const length = foldLength(steps, i);
    const row = foldedRow(steps.slice(i, i + length));
    if (row !== undefined) rows.push(row);
    i += length;
  }
  return rows;
}

/** How many steps from `i` on are told in one row. */
function foldLength(steps: readonly WayStep[], i: number): number {
  const first = steps[i]!;
  let end = i + 1;
  const isPassage = isMove(first);
  const next = steps[end];
  if (first.event === 'schedule' && next?.event === 'rewrite') return 2;
  for (; end < steps.length; end++) {
    const step = steps[end]!;
    if (isPassage) {
      if (!isMove(step) || step.namespace !== first.namespace) break;
      continue;
    }
    if (first.event !== 'rule' || step.namespace !== first.namespace) break;
    const belongs = step.event === 'rule' || step.event === 'rewrite' || step.event === 'drop';
    if (!belongs || step.place !== first.place) break;
    if (step.event === 'rule' && tableOf(step) !== tableOf(first)) break;
  }
  return end - i;
}

function foldedRow(steps: readonly WayStep[]): Row | undefined {
  const first = steps[0]!;
  if (isMove(first)) return passageRow(steps);
  if (first.event === 'rule') return rulesRow(steps);
  const { event, detail } = first;
  switch (event) {
    case 'route':
      // that a local address is local shows in what comes next
      return detail === 'local' ? undefined : rowOf(first, 'routing', '', detail);
    case 'send':
      return rowOf(first, detail.endsWith(':4789') ? 'tunnel' : 'socket', '', detail);
    case 'deliver':
      // the tunnel's own socket: the row that takes the header off tells it
      return first.place === 'udp' && detail === 'port 4789'
        ? undefined
        : rowOf(first, 'socket', '', `delivered to ${first.place} ${detail}`.trimEnd());
    case 'drop':
      return rowOf(first, first.place, first.chain.replace('/', ' '), `DROPPED: ${detail}`);
    case 'schedule': {
      const rewrite = steps[1] === undefined ? '' : `; ${steps[1].detail}`;
      const row = rowOf(first, first.place, '', `chooses by ${detail}${rewrite}`);
      return { ...row, isRewrite: rewrite !== '' };
    }
    case 'encapsulate':
      return rowOf(first, first.place, '', `encapsulated, ${detail}`);
    case 'encrypt':
      return rowOf(first, 'IPsec', '', `encrypted, ${detail}`);
    case 'decrypt':
      return rowOf(first, 'IPsec', '', `decrypted, ${detail}`);
    case 'decapsulate':
      return rowOf(first, first.place, '', `decapsulated, ${detail}`);
    case 'rewrite':
      return rowOf(first, first.place, first.chain === 'nat' ? 'conntrack' : first.chain, detail);
    default:
      return rowOf(first, first.place, first.chain, wholeText(first));
  }
}

/** From device to device within a namespace: `docker_gwbridge → veth5564dfb`. */
function passageRow(steps: readonly WayStep[]): Row {
  const places: string[] = [];
  for (const { place } of steps) if (places.at(-1) !== place) places.push(place);
  const comes = steps[0]!.event === 'receive';
  const leaves = steps.at(-1)!.event === 'transmit';
  const text = comes ? (leaves ? 'bridged' : 'received') : 'sent';
  return rowOf(steps[0]!, places.join(' → '), '', text);
}

/** The chains that were walked, the rule that decided, and what it changed. */
function rulesRow(steps: readonly WayStep[]): Row | undefined {
  const rules = steps.filter((step) => step.event === 'rule');
  const rewrites = steps.filter((step) => step.event === 'rewrite');
  const drop = steps.find((step) => step.event === 'drop');
  const deciding = rules.findLast((rule) => isDeciding(rule)) ?? undefined;
  if (deciding === undefined && drop === undefined) return undefined;
  const shown = deciding ?? rules.at(-1)!;
  const chains: string[] = [];
  for (const { chain } of rules) {
    const name = chain.slice(chain.indexOf('/') + 1);
    if (chains.at(-1) !== name) chains.push(name);
    if (deciding !== undefined && chain === shown.chain) break;
  }
  const rule = shown.detail.replace(/^-A \S+ ?/, '');
  const rewritten = rewrites.map((rewrite) => rewrite.detail);
  const words = deciding === undefined ? [] : [rule, ...rewritten];
  if (drop !== undefined)
    words.push(`DROPPED${drop.detail === shown.detail ? '' : `: ${drop.detail}`}`);
  const text = words.join('; ');
  const row = rowOf(shown, shown.place, `${tableOf(shown)} ${chains.join(' → ')}`, text);
  return { ...row, isDrop: drop !== undefined, isRewrite: rewrites.length > 0 };
}

/** A rule whose target ends the walk or changes the packet, not one that jumps or returns. */
function isDeciding(rule: WayStep): boolean {
  const isNft = !rule.detail.startsWith('-A');
  if (isNft)
    return /\b(accept|drop|reject|masquerade|dnat|snat|redirect|log|set)\b/.test(rule.detail);
  const target = /-[jg] (\S+)/.exec(rule.detail)?.[1];
  if (target === undefined || target === 'RETURN') return false;
  return /^(ACCEPT|DROP|REJECT|DNAT|SNAT|MASQUERADE|REDIRECT|MARK|TCPMSS|TEE|LOG)$/.test(target);
}

function isMove(step: WayStep): boolean {
  return step.event === 'transmit' || step.event === 'receive';
}

function tableOf(step: WayStep): string {
  const slash = step.chain.indexOf('/');
  return slash < 0 ? step.chain : step.chain.slice(0, slash);
}

function wholeText({ event, detail }: WayStep): string {
  return detail === '' ? event : `${event} ${detail}`;
}

function rowOf(step: WayStep, place: string, chain: string, text: string): Row {
  const { atNs, namespace, event } = step;
  const isRewrite = event === 'rewrite';
  return { atNs, namespace, place, chain, text, isDrop: event === 'drop', isRewrite };
}
