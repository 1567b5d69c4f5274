/**
 * The layout of Docker 28 and 29: one jump from FORWARD to DOCKER-FORWARD, which asks DOCKER-CT,
 * isolation (28: the two ISOLATION chains; 29: DOCKER-INTERNAL) and DOCKER-BRIDGE in turn; DOCKER
 * drops by default what no published port accepts; direct access to a container's address is
 * dropped in raw/PREROUTING.
 */
import { formatIpPrefix, isIpv6Address } from '../../wire/ip-address.ts';
import type { EngineVersion } from '../engine-version.ts';
import type { BridgeFacts, Layout } from './bridge-rules.ts';
import {
  acceptPort,
  addMasquerade,
  destinationNat,
  hookUpNat,
  hostPrefix,
  masqueradeOwnPort,
  removeMasquerade,
  unhookNat,
} from './nat-rules.ts';

const STAGE_1 = 'DOCKER-ISOLATION-STAGE-1';
const STAGE_2 = 'DOCKER-ISOLATION-STAGE-2';
const FORWARD_CHAIN = 'DOCKER-FORWARD';

/** The chain that keeps internal networks to themselves. */
function internalChain(engine: EngineVersion): string {
  return engine.layout === 'forward' ? 'DOCKER-INTERNAL' : STAGE_1;
}

/** See `RuleLayout`'s `forwardIsolation` and `forward`. */
export const forwardLayout: Layout = {
  start(writer, engine) {
    unhookNat(writer);
    writer.dropChain('nat', 'DOCKER');
    writer.chain('nat', 'DOCKER');
    const isolation = engine.layout === 'forward' ? ['DOCKER-INTERNAL'] : [STAGE_1, STAGE_2];
    for (const chain of ['DOCKER', FORWARD_CHAIN, 'DOCKER-BRIDGE', 'DOCKER-CT', ...isolation]) {
      writer.flush('filter', chain);
      writer.chain('filter', chain);
    }
    writer.append('filter', FORWARD_CHAIN, '-j DOCKER-CT');
    writer.append('filter', FORWARD_CHAIN, `-j ${internalChain(engine)}`);
    writer.append('filter', FORWARD_CHAIN, '-j DOCKER-BRIDGE');
    writer.moveToHead('filter', 'FORWARD', `-j ${FORWARD_CHAIN}`);
  },

  dropForwarded(writer) {
    writer.policy('filter', 'FORWARD', 'DROP');
  },

  finishStart(writer, engine) {
    writer.chain('filter', 'DOCKER-USER');
    if (engine.hasUserReturn) writer.append('filter', 'DOCKER-USER', '-j RETURN');
    writer.moveToHead('filter', 'FORWARD', '-j DOCKER-USER');
  },

  addNetwork(writer, bridge, engine) {
    const { device } = bridge;
    const verdict = bridge.hasIcc ? 'ACCEPT' : 'DROP';
    if (bridge.isInternal) {
      writer.append('filter', FORWARD_CHAIN, `-i ${device} -o ${device} -j ${verdict}`);
      for (const rule of internalRules(bridge))
        writer.insert('filter', internalChain(engine), rule);
      return;
    }
    addMasquerade(writer, bridge, engine.layout === 'forwardIsolation');
    hookUpNat(writer, bridge);
    for (const [chain, rule] of networkRules(bridge)) writer.append('filter', chain, rule);
    if (engine.layout === 'forwardIsolation') {
      for (const rule of routedRules(bridge)) writer.insert('filter', STAGE_1, rule);
      writer.append('filter', STAGE_1, `-i ${device} ! -o ${device} -j ${STAGE_2}`);
      writer.insert('filter', STAGE_2, `-o ${device} -j DROP`);
    }
  },

  removeNetwork(writer, bridge, engine) {
    const { device } = bridge;
    for (const rule of internalRules(bridge)) writer.remove('filter', internalChain(engine), rule);
    for (const verdict of ['ACCEPT', 'DROP']) {
      writer.remove('filter', FORWARD_CHAIN, `-i ${device} -o ${device} -j ${verdict}`);
    }
    removeMasquerade(writer, bridge);
    for (const [chain, rule] of networkRules(bridge)) writer.remove('filter', chain, rule);
    if (engine.layout === 'forwardIsolation') {
      for (const rule of routedRules(bridge)) writer.remove('filter', STAGE_1, rule);
      writer.remove('filter', STAGE_1, `-i ${device} ! -o ${device} -j ${STAGE_2}`);
      writer.remove('filter', STAGE_2, `-o ${device} -j DROP`);
    }
  },

  addEndpoint(writer, bridge, address) {
    if (bridge.isInternal || bridge.gatewayMode !== 'nat') return;
    for (const rule of directAccess(bridge, address)) writer.append('raw', 'PREROUTING', rule);
  },

  removeEndpoint(writer, bridge, address) {
    for (const rule of directAccess(bridge, address)) writer.remove('raw', 'PREROUTING', rule);
  },

  mapPort(writer, bridge, mapping) {
    const isRouted = bridge.gatewayMode === 'routed';
    if (!isRouted) writer.append('nat', 'DOCKER', destinationNat(bridge, mapping));
    if (bridge.gatewayMode !== 'nat-unprotected') {
      writer.insert('filter', 'DOCKER', acceptPort(bridge, mapping));
    }
    if (!isRouted && bridge.isHairpin) {
      writer.append('nat', 'POSTROUTING', masqueradeOwnPort(mapping));
    }
    if (isLoopback(mapping.hostAddress)) {
      writer.append('raw', 'PREROUTING', loopbackOnly(mapping.hostAddress, mapping));
    }
  },

  unmapPort(writer, bridge, mapping) {
    writer.remove('nat', 'DOCKER', destinationNat(bridge, mapping));
    writer.remove('filter', 'DOCKER', acceptPort(bridge, mapping));
    writer.remove('nat', 'POSTROUTING', masqueradeOwnPort(mapping));
    if (isLoopback(mapping.hostAddress)) {
      writer.remove('raw', 'PREROUTING', loopbackOnly(mapping.hostAddress, mapping));
    }
  },
};

/** The per-bridge rules with their chains, in the order in which they are appended. */
function networkRules(bridge: BridgeFacts): [chain: string, rule: string][] {
  const { device, gatewayMode } = bridge;
  const unpublished = gatewayMode === 'nat-unprotected' ? 'ACCEPT' : 'DROP';
  const rules: [string, string][] = [
    ['DOCKER', `! -i ${device} -o ${device} -j ${unpublished}`],
    ['DOCKER-BRIDGE', `-o ${device} -j DOCKER`],
    ['DOCKER-CT', `-o ${device} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`],
  ];
  if (gatewayMode === 'routed')
    rules.unshift(['DOCKER', `-o ${device} -p ${icmpOf(bridge)} -j ACCEPT`]);
  if (bridge.hasIcc) {
    rules.push([FORWARD_CHAIN, `-i ${device} -j ACCEPT`]);
  } else {
    rules.push([FORWARD_CHAIN, `-i ${device} -o ${device} -j DROP`]);
    rules.push([FORWARD_CHAIN, `-i ${device} ! -o ${device} -j ACCEPT`]);
  }
  return rules;
}

function icmpOf({ subnet }: BridgeFacts): string {
  return isIpv6Address(subnet.address) ? 'icmpv6' : 'icmp';
}

/** IPv6 routers let nobody reach ::1 from a link, so only IPv4 needs the rule. */
function isLoopback(address: string): boolean {
  return address.startsWith('127.');
}

function internalRules(bridge: BridgeFacts): string[] {
  return [
    `! -d ${formatIpPrefix(bridge.subnet)} -i ${bridge.device} -j DROP`,
    `! -s ${formatIpPrefix(bridge.subnet)} -o ${bridge.device} -j DROP`,
  ];
}

/** What lets other bridges into a routed network of 28, where DOCKER filters ports; each on top. */
function routedRules({ device, gatewayMode }: BridgeFacts): string[] {
  if (gatewayMode !== 'routed') return [];
  return [
    `-o ${device} -j RETURN`,
    `-i ${device} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
  ];
}

/** Who is not of the bridge, nor trusted, does not reach a container by its own address. */
function directAccess({ device, trustedInterfaces }: BridgeFacts, address: string): string[] {
  return [
    ...trustedInterfaces.map((trusted) => `-d ${hostPrefix(address)} -i ${trusted} -j ACCEPT`),
    `-d ${hostPrefix(address)} ! -i ${device} -j DROP`,
  ];
}

function loopbackOnly(
  address: string,
  mapping: { readonly protocol: string; readonly hostPort: number },
): string {
  const { protocol, hostPort } = mapping;
  return `-d ${hostPrefix(address)} ! -i lo -p ${protocol} -m ${protocol} --dport ${hostPort} -j DROP`;
}
