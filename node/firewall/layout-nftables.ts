/**
 * The layout of Docker 29 with `firewall-backend: nftables`: one table `ip docker-bridges` whose base
 * chains look up the chains of a network by its bridge, in verdict maps; no iptables rule, and no
 * DOCKER-USER. Mirrors `drivers/bridge/internal/nftabler` of moby, and its documentation in
 * `integration/network/bridge/nftablesdoc`.
 */
import { formatPrefix } from '../../wire/addresses.ts';
import type { BridgeFacts, Layout, PortMapping } from './bridge-rules.ts';
import type { RuleWriter } from './writer.ts';

const TABLE = 'ip docker-bridges';
const FORWARD = 'filter-FORWARD';
const NAT = 'nat-prerouting-and-output';
const RAW = 'raw-PREROUTING';
const FORWARD_IN_MAP = 'filter-forward-in-jumps';
const FORWARD_OUT_MAP = 'filter-forward-out-jumps';
const POSTROUTING_IN_MAP = 'nat-postrouting-in-jumps';
const POSTROUTING_OUT_MAP = 'nat-postrouting-out-jumps';
const FINAL_DROP = 'counter drop comment "UNPUBLISHED PORT DROP"';

/** The chains of a network with the maps that lead to them, in the order of their making. */
function chainsOf({ device }: BridgeFacts): readonly (readonly [chain: string, map: string])[] {
  return [
    [`filter-forward-in__${device}`, FORWARD_IN_MAP],
    [`filter-forward-out__${device}`, FORWARD_OUT_MAP],
    [`nat-postrouting-in__${device}`, POSTROUTING_IN_MAP],
    [`nat-postrouting-out__${device}`, POSTROUTING_OUT_MAP],
  ];
}

/** See `RuleLayout`'s `nftables`. */
export const nftablesLayout: Layout = {
  start(writer, _engine, isHairpin) {
    // what an earlier daemon has left goes
    for (const verb of ['add', 'delete', 'add']) writer.nft(`${verb} table ${TABLE}`);
    for (const map of [FORWARD_IN_MAP, FORWARD_OUT_MAP, POSTROUTING_IN_MAP, POSTROUTING_OUT_MAP]) {
      writer.nft(`add map ${TABLE} ${map} { type ifname : verdict; }`);
    }
    for (const [chain, hook] of [
      [FORWARD, 'type filter hook forward priority filter'],
      ['nat-OUTPUT', 'type nat hook output priority dstnat'],
      ['nat-POSTROUTING', 'type nat hook postrouting priority srcnat'],
      ['nat-PREROUTING', 'type nat hook prerouting priority dstnat'],
      [NAT, ''],
      [RAW, 'type filter hook prerouting priority raw'],
    ] as const) {
      writer.nft(`add chain ${TABLE} ${chain}${hook === '' ? '' : ` { ${hook}; policy accept; }`}`);
    }
    const skipsLoopback = isHairpin ? '' : 'ip daddr != 127.0.0.0/8 ';
    for (const [chain, rule] of [
      [FORWARD, `oifname vmap @${FORWARD_IN_MAP}`],
      [FORWARD, `iifname vmap @${FORWARD_OUT_MAP}`],
      ['nat-OUTPUT', `${skipsLoopback}fib daddr type local counter jump ${NAT}`],
      ['nat-POSTROUTING', `iifname vmap @${POSTROUTING_OUT_MAP}`],
      ['nat-POSTROUTING', `oifname vmap @${POSTROUTING_IN_MAP}`],
      ['nat-PREROUTING', `fib daddr type local counter jump ${NAT}`],
    ] as const) {
      append(writer, chain, rule);
    }
  },

  finishStart() {
    // there is no DOCKER-USER: people add base chains of their own
  },

  dropForwarded(writer) {
    writer.nft(`add chain ${TABLE} ${FORWARD} { policy drop; }`);
  },

  addNetwork(writer, bridge) {
    for (const [chain, map] of chainsOf(bridge)) {
      writer.nft(`add chain ${TABLE} ${chain}`);
      writer.nft(`add element ${TABLE} ${map} { "${bridge.device}" : jump ${chain} }`);
    }
    for (const [chain, rule] of networkRules(bridge)) append(writer, chain, rule);
  },

  removeNetwork(writer, bridge) {
    for (const [chain, map] of chainsOf(bridge)) {
      writer.nft(`delete element ${TABLE} ${map} { "${bridge.device}" }`);
      writer.nft(`flush chain ${TABLE} ${chain}`);
      writer.nft(`delete chain ${TABLE} ${chain}`);
    }
  },

  addEndpoint(writer, bridge, address) {
    if (isFiltered(bridge)) append(writer, RAW, directAccess(bridge, address));
  },

  removeEndpoint(writer, bridge, address) {
    if (isFiltered(bridge)) remove(writer, RAW, directAccess(bridge, address));
  },

  mapPort(writer, bridge, mapping) {
    const forward = `filter-forward-in__${bridge.device}`;
    const accept = acceptPort(mapping);
    const isOpen = bridge.gatewayMode === 'nat-unprotected';
    if (!isOpen && !writer.hasNftRule(TABLE, forward, accept)) {
      writer.nftBefore(TABLE, forward, FINAL_DROP, accept);
    }
    for (const [chain, rule] of portRules(bridge, mapping)) append(writer, chain, rule);
  },

  unmapPort(writer, bridge, mapping) {
    remove(writer, `filter-forward-in__${bridge.device}`, acceptPort(mapping));
    for (const [chain, rule] of portRules(bridge, mapping)) remove(writer, chain, rule);
  },
};

function append(writer: RuleWriter, chain: string, rule: string): void {
  writer.nft(`add rule ${TABLE} ${chain} ${rule}`);
}

function remove(writer: RuleWriter, chain: string, rule: string): void {
  writer.removeNftRule(TABLE, chain, rule);
}

function networkRules(bridge: BridgeFacts): (readonly [chain: string, rule: string])[] {
  const { device, subnet, isInternal, hasIcc, isHairpin, sourceAddress, gatewayMode } = bridge;
  const hasMasquerade = bridge.hasMasquerade && gatewayMode !== 'routed';
  const [[forwardIn], [forwardOut], [postroutingIn], [postroutingOut]] = chainsOf(bridge) as [
    [string, string],
    [string, string],
    [string, string],
    [string, string],
  ];
  const established = 'ct state established,related counter accept';
  const verdict = hasIcc ? 'accept' : 'drop';
  const rules: (readonly [string, string])[] = [
    [forwardIn, established],
    [forwardOut, established],
  ];
  const isRouted = !isInternal && gatewayMode === 'routed';
  if (isRouted) rules.push([forwardIn, 'ip protocol icmp counter accept comment "ICMP"']);
  if (isInternal) {
    const ingress = `iifname != "${device}" counter drop comment "INTERNAL NETWORK INGRESS"`;
    const egress = `oifname != "${device}" counter drop comment "INTERNAL NETWORK EGRESS"`;
    rules.push([forwardIn, ingress], [forwardOut, egress]);
    rules.push([forwardIn, `counter ${verdict} comment "ICC"`]);
    return rules;
  }
  rules.push([forwardIn, `iifname "${device}" counter ${verdict} comment "ICC"`]);
  const final =
    gatewayMode === 'nat-unprotected' ? 'counter accept comment "UNPROTECTED"' : FINAL_DROP;
  rules.push([forwardOut, 'counter accept comment "OUTGOING"'], [forwardIn, final]);
  const [action, comment] =
    sourceAddress === undefined
      ? ['masquerade', 'MASQUERADE']
      : [`snat to ${sourceAddress}`, 'SNAT'];
  if (hasMasquerade) {
    const leaves = `oifname != "${device}" ip saddr ${formatPrefix(subnet)}`;
    rules.push([postroutingOut, `${leaves} counter ${action} comment "${comment}"`]);
  }
  if (isHairpin) {
    const fromHost = `fib saddr type local counter ${action} comment "${comment} FROM HOST"`;
    rules.push([postroutingIn, fromHost]);
  }
  return rules;
}

/** Its containers are not to be reached by their own addresses. */
function isFiltered({ isInternal, gatewayMode }: BridgeFacts): boolean {
  return !isInternal && gatewayMode === 'nat';
}

function directAccess({ device, trustedInterfaces }: BridgeFacts, address: string): string {
  const names = [device, ...trustedInterfaces].map((name) => `"${name}"`);
  const trusted = names.length === 1 ? names[0] : `{ ${names.sort().join(', ')} }`;
  return `ip daddr ${address} iifname != ${trusted} counter drop comment "DROP DIRECT ACCESS"`;
}

function acceptPort({ protocol, containerAddress, containerPort }: PortMapping): string {
  return `ip daddr ${containerAddress} ${protocol} dport ${containerPort} counter accept`;
}

/** What a published port writes beside its accept. */
function portRules(
  { device, isHairpin, gatewayMode }: BridgeFacts,
  mapping: PortMapping,
): (readonly [chain: string, rule: string])[] {
  const { protocol, hostAddress, hostPort, containerAddress, containerPort } = mapping;
  const from = isHairpin ? '' : `iifname != "${device}" `;
  const to = hostAddress === '' || hostAddress === '0.0.0.0' ? '' : `ip daddr ${hostAddress} `;
  const target = `${containerAddress}:${containerPort}`;
  const port = `${protocol} dport ${hostPort} counter`;
  if (gatewayMode === 'routed') return [];
  const rules: (readonly [string, string])[] = [
    [NAT, `${from}${to}${port} dnat to ${target} comment "DNAT"`],
  ];
  if (isHairpin) {
    const own = `ip saddr ${containerAddress} ip daddr ${containerAddress}`;
    const masquerade = 'counter masquerade comment "MASQ TO OWN PORT"';
    const rule = `${own} ${protocol} dport ${containerPort} ${masquerade}`;
    rules.push([`nat-postrouting-in__${device}`, rule]);
  }
  if (hostAddress.startsWith('127.')) {
    rules.push([RAW, `iifname != "lo" ${to}${port} drop comment "DROP REMOTE LOOPBACK"`]);
  }
  return rules;
}
