/**
 * `ip neigh` as iproute2 6.1 prints it; every line ends with a space.
 * Mirrors iproute2 ip/ipneigh.c (`print_neigh`), which leaves NOARP entries out.
 */
import { formatIpv4Address, formatMac } from '../../wire/addresses.ts';
import type { Namespace } from '../namespace.ts';
import { NeighbourState } from '../neighbour/neighbour.ts';

/** `ip neigh show [dev D]`, ending with a newline unless it is empty. */
export function neighbourText(namespace: Namespace, device?: string): string {
  let text = '';
  for (const neighbour of namespace.neighbours.list()) {
    const state = namespace.neighbours.stateOf(neighbour);
    if (state === NeighbourState.noArp || state === NeighbourState.none) continue;
    if (device !== undefined && neighbour.device.name !== device) continue;
    text += `${formatIpv4Address(neighbour.address)} `;
    if (device === undefined) text += `dev ${neighbour.device.name} `;
    if (neighbour.isValid) text += `lladdr ${formatMac(neighbour.mac)} `;
    text += `${nameOf(state)} \n`;
  }
  return text;
}

function nameOf(state: NeighbourState): string {
  for (const [name, number] of Object.entries(NeighbourState)) {
    if (number === state) return name.toUpperCase();
  }
  return String(state);
}
