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

/** The name where it has one at this hook, else the number. */
export function priorityText(hook: Hook, priority: number): string {
  for (const [name, number] of Object.entries(PRIORITIES)) {
    if (number !== priority) continue;
    if (name === 'srcnat' && hook !== Hook.postrouting) continue;
    if (name === 'dstnat' && hook !== Hook.prerouting && hook !== Hook.output) continue;
    return name;
  }
  return String(priority);
}
