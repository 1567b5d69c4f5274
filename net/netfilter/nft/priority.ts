/**
 * Names of base chains' priorities in the families of IP. Mirrors `std_prios` of nftables' src/rule.c.
 */
import { Hook, HookPriority } from '../hook.ts';

const PRIORITIES: Readonly<Record<string, number>> = {
  raw: HookPriority.raw,
  mangle: HookPriority.mangle,
  dstnat: HookPriority.natDestination,
  filter: HookPriority.filter,
  security: 50,
  srcnat: HookPriority.natSource,
};

/** The number of a name or of a number; `undefined` when it is neither. */
export function parsePriority(text: string): number | undefined {
  if (Object.hasOwn(PRIORITIES, text)) return PRIORITIES[text];
  return /^-?\d+$/.test(text) ? Number(text) : undefined;
}

/** How far from a priority with a name others are told by it. */
const NEAR = 10;

/** `filter`, `filter - 5`, or the number where no name of this hook is near. */
export function priorityText(hook: Hook, priority: number): string {
  for (const [name, number] of Object.entries(PRIORITIES)) {
    const offset = priority - number;
    if (Math.abs(offset) > NEAR) continue;
    if (name === 'srcnat' && hook !== Hook.postrouting) continue;
    if (name === 'dstnat' && hook !== Hook.prerouting && hook !== Hook.output) continue;
    if (offset === 0) return name;
    return `${name} ${offset < 0 ? '-' : '+'} ${Math.abs(offset)}`;
  }
  return String(priority);
}
