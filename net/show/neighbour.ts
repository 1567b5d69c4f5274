/**
 * `ip neigh` as iproute2 6.1 prints it; every line ends with a space.
 * Mirrors iproute2 ip/ipneigh.c (`print_neigh`), which leaves NOARP entries out.
 */
import { formatMac } from '../../wire/addresses.ts';
import { formatIp } from '../../wire/ip-address.ts';
import type { Namespace } from '../namespace.ts';
import { NeighbourState } from '../neighbour/neighbour.ts';
import type { Neighbours } from '../neighbour/neighbours.ts';

/** `ip [-4|-6] neigh show [dev D]`, ending with a newline unless it is empty. */
export function neighbourText(namespace: Namespace, device?: string, family?: 4 | 6): string {
  const ipv6 = family === 4 ? undefined : namespace.ipv6IfUsed;
  const ipv4Text = family === 6 ? '' : tableText(namespace.neighbours, device);
  return ipv4Text + (ipv6 === undefined ? '' : tableText(ipv6.neighbours, device));
}

function tableText(neighbours: Neighbours, device: string | undefined): string {
  let text = '';
  for (const neighbour of neighbours.list()) {
    const state = neighbours.stateOf(neighbour);
    if (state === NeighbourState.noArp || state === NeighbourState.none) continue;
    if (device !== undefined && neighbour.device.name !== device) continue;
    text += `${formatIp(neighbour.address)} `;
    if (device === undefined) text += `dev ${neighbour.device.name} `;
    if (neighbour.isValid) text += `lladdr ${formatMac(neighbour.mac)} `;
    if (neighbour.isRouter) text += 'router ';
    text += `${nameOf(state)} \n`;
  }
  return text;
}

/** `ip [-4|-6] neigh show proxy [dev D]`. */
export function neighbourProxyText(namespace: Namespace, device?: string, family?: 4 | 6): string {
  const all = [
    ...(family === 6 ? [] : namespace.neighbours.proxies),
    ...(family === 4 ? [] : (namespace.ipv6IfUsed?.neighbours.proxies ?? [])),
  ];
  let text = '';
  for (const { address, device: own } of all) {
    if (device !== undefined && own?.name !== device) continue;
    const place = device === undefined && own !== undefined ? `dev ${own.name} ` : '';
    text += `${formatIp(address)} ${place}proxy \n`;
  }
  return text;
}

function nameOf(state: NeighbourState): string {
  for (const [name, number] of Object.entries(NeighbourState)) {
    if (number === state) return name.toUpperCase();
  }
  return String(state);
}
