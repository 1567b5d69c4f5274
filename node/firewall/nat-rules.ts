/**
 * The nat rules that every layout shares: the DOCKER chain and its hook-up, masquerading of a
 * bridge's subnet, and the DNAT of a published port (userland proxy on, Docker's default).
 */
import { formatPrefix } from '../../wire/addresses.ts';
import type { BridgeFacts, PortMapping } from './bridge-rules.ts';
import type { RuleWriter } from './writer.ts';

const FROM_OUTSIDE = '-m addrtype --dst-type LOCAL -j DOCKER';
const FROM_HOST = '! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER';

/** Jumps from PREROUTING and OUTPUT to DOCKER, once. */
export function hookUpNat(writer: RuleWriter): void {
  writer.append('nat', 'PREROUTING', FROM_OUTSIDE);
  writer.append('nat', 'OUTPUT', FROM_HOST);
}

/** Forgets the jumps, as a starting daemon does. */
export function unhookNat(writer: RuleWriter): void {
  writer.remove('nat', 'PREROUTING', FROM_OUTSIDE);
  writer.remove('nat', 'OUTPUT', FROM_HOST);
}

/** Source NAT for what leaves the bridge's subnet. */
export function addMasquerade(writer: RuleWriter, bridge: BridgeFacts): void {
  if (bridge.hasMasquerade) writer.insert('nat', 'POSTROUTING', masquerade(bridge));
}

/** Takes {@link addMasquerade}'s rule out. */
export function removeMasquerade(writer: RuleWriter, bridge: BridgeFacts): void {
  writer.remove('nat', 'POSTROUTING', masquerade(bridge));
}

/** The DNAT rule of a published port, without chain. */
export function destinationNat(bridge: BridgeFacts, mapping: PortMapping): string {
  const { protocol, hostPort, containerAddress, containerPort } = mapping;
  const address = mapping.hostAddress === '' ? '' : `-d ${mapping.hostAddress}/32 `;
  const target = `${containerAddress}:${containerPort}`;
  const match = `${address}! -i ${bridge.device} -p ${protocol} -m ${protocol}`;
  return `${match} --dport ${hostPort} -j DNAT --to-destination ${target}`;
}

/** The filter rule that lets a published port's packets in, without chain. */
export function acceptPort(bridge: BridgeFacts, mapping: PortMapping): string {
  const { protocol, containerAddress, containerPort } = mapping;
  const path = `-d ${containerAddress}/32 ! -i ${bridge.device} -o ${bridge.device}`;
  return `${path} -p ${protocol} -m ${protocol} --dport ${containerPort} -j ACCEPT`;
}

/** The rule that masquerades a container's traffic to its own published port, without chain. */
export function masqueradeOwnPort(mapping: PortMapping): string {
  const { protocol, containerAddress, containerPort } = mapping;
  const path = `-s ${containerAddress}/32 -d ${containerAddress}/32`;
  return `${path} -p ${protocol} -m ${protocol} --dport ${containerPort} -j MASQUERADE`;
}

function masquerade(bridge: BridgeFacts): string {
  return `-s ${formatPrefix(bridge.subnet)} ! -o ${bridge.device} -j MASQUERADE`;
}
