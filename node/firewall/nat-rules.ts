/**
 * The nat rules that every layout shares: the DOCKER chain and its hook-up, masquerading of a
 * bridge's subnet, and the DNAT of a published port.
 *
 * Without a userland proxy (`isHairpin`) the rules do its work: what the host and the containers of
 * the same bridge send to a published port is rewritten too, and masqueraded on its way back.
 */
import {
  addressBits,
  formatIpPort,
  formatIpPrefix,
  isIpv6Address,
  parseIp,
} from '../../wire/ip-address.ts';
import type { BridgeFacts, PortMapping } from './bridge-rules.ts';
import type { RuleWriter } from './writer.ts';

const FROM_OUTSIDE = '-m addrtype --dst-type LOCAL -j DOCKER';
const FROM_HOST = '! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER';
const FROM_HOST_IPV6 = '! -d ::1/128 -m addrtype --dst-type LOCAL -j DOCKER';

/** Jumps from PREROUTING and OUTPUT to DOCKER, once. */
export function hookUpNat(writer: RuleWriter, bridge: BridgeFacts): void {
  writer.append('nat', 'PREROUTING', FROM_OUTSIDE);
  const fromHost = isIpv6Address(bridge.subnet.address) ? FROM_HOST_IPV6 : FROM_HOST;
  writer.append('nat', 'OUTPUT', bridge.isHairpin ? FROM_OUTSIDE : fromHost);
}

/** Forgets the jumps, as a starting daemon does. */
export function unhookNat(writer: RuleWriter): void {
  writer.remove('nat', 'PREROUTING', FROM_OUTSIDE);
  writer.remove('nat', 'OUTPUT', FROM_HOST);
  writer.remove('nat', 'OUTPUT', FROM_HOST_IPV6);
  writer.remove('nat', 'OUTPUT', FROM_OUTSIDE);
}

/**
 * Source NAT for what leaves the bridge's subnet, and the way of published ports past it: containers
 * of the bridge ask the userland proxy, or the host's own packets are masqueraded.
 */
export function addMasquerade(writer: RuleWriter, bridge: BridgeFacts, skipsOwn: boolean): void {
  const isTranslated = bridge.hasMasquerade && bridge.gatewayMode !== 'routed';
  if (isTranslated) writer.insert('nat', 'POSTROUTING', masquerade(bridge));
  if (bridge.isHairpin) writer.insert('nat', 'POSTROUTING', masqueradeHost(bridge));
  else if (bridge.hasMasquerade && skipsOwn) writer.insert('nat', 'DOCKER', skipOwn(bridge));
}

/** Takes {@link addMasquerade}'s rules out. */
export function removeMasquerade(writer: RuleWriter, bridge: BridgeFacts): void {
  writer.remove('nat', 'POSTROUTING', masquerade(bridge));
  writer.remove('nat', 'POSTROUTING', masqueradeHost(bridge));
  writer.remove('nat', 'DOCKER', skipOwn(bridge));
}

/** The DNAT rule of a published port, without chain. */
export function destinationNat(bridge: BridgeFacts, mapping: PortMapping): string {
  const { protocol, hostPort, containerAddress, containerPort } = mapping;
  const address = mapping.hostAddress === '' ? '' : `-d ${hostPrefix(mapping.hostAddress)} `;
  const target = formatIpPort(parseIp(containerAddress)!, containerPort);
  const origin = bridge.isHairpin ? '' : `! -i ${bridge.device} `;
  const match = `${address}${origin}-p ${protocol} -m ${protocol}`;
  return `${match} --dport ${hostPort} -j DNAT --to-destination ${target}`;
}

/** The filter rule that lets a published port's packets in, without chain. */
export function acceptPort(bridge: BridgeFacts, mapping: PortMapping): string {
  const { protocol, containerAddress, containerPort } = mapping;
  const path = `-d ${hostPrefix(containerAddress)} ! -i ${bridge.device} -o ${bridge.device}`;
  return `${path} -p ${protocol} -m ${protocol} --dport ${containerPort} -j ACCEPT`;
}

/** The rule that masquerades a container's traffic to its own published port, without chain. */
export function masqueradeOwnPort(mapping: PortMapping): string {
  const { protocol, containerAddress, containerPort } = mapping;
  const path = `-s ${hostPrefix(containerAddress)} -d ${hostPrefix(containerAddress)}`;
  return `${path} -p ${protocol} -m ${protocol} --dport ${containerPort} -j MASQUERADE`;
}

function masquerade(bridge: BridgeFacts): string {
  return `-s ${formatIpPrefix(bridge.subnet)} ! -o ${bridge.device} ${sourceNatOf(bridge)}`;
}

function masqueradeHost(bridge: BridgeFacts): string {
  return `-o ${bridge.device} -m addrtype --src-type LOCAL ${sourceNatOf(bridge)}`;
}

function sourceNatOf({ sourceAddress }: BridgeFacts): string {
  return sourceAddress === undefined ? '-j MASQUERADE' : `-j SNAT --to-source ${sourceAddress}`;
}

function skipOwn({ device }: BridgeFacts): string {
  return `-i ${device} -j RETURN`;
}

/** The prefix that is one address: `10.0.0.1/32`, `fd00::1/128`. */
export function hostPrefix(address: string): string {
  return `${address}/${addressBits(parseIp(address)!)}`;
}

/** The rule that mends the checksum of a published SCTP port's answers, without chain. */
export function checksumFill({ containerPort }: PortMapping): string {
  return `-p sctp -m sctp --sport ${containerPort} -j CHECKSUM --checksum-fill`;
}
