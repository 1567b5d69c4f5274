/**
 * The rules of the routing mesh: DOCKER-INGRESS on every host, and what a task's own namespace lets
 * in from the ingress network (`libnetwork/service_linux.go`, `programIngress` and
 * `addRedirectRules`).
 */
import type { EngineVersion } from '../engine-version.ts';
import type { RuleWriter } from './writer.ts';

const CHAIN = 'DOCKER-INGRESS';
const JUMP = `-m addrtype --dst-type LOCAL -j ${CHAIN}`;

/** A published port in ingress mode. */
export interface IngressPort {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly publishedPort: number;
  readonly targetPort: number;
}

/** Creates the chains and jumps; called with the first published port of the daemon's life. */
export function createIngressChains(
  writer: RuleWriter,
  engine: EngineVersion,
  gatewayBridge: string,
): void {
  for (const table of ['nat', 'filter'] as const) {
    writer.flush(table, CHAIN);
    writer.chain(table, CHAIN);
    writer.append(table, CHAIN, '-j RETURN');
  }
  writer.insert('nat', 'OUTPUT', JUMP);
  writer.insert('nat', 'PREROUTING', JUMP);
  if (engine.layout === 'isolation') {
    writer.insert('filter', 'FORWARD', `-j ${CHAIN}`);
    writer.moveToHead('filter', 'FORWARD', '-j DOCKER-USER');
  } else {
    writer.insert('filter', 'DOCKER-FORWARD', `-j ${CHAIN}`);
  }
  writer.insert(
    'nat',
    'POSTROUTING',
    `-o ${gatewayBridge} -m addrtype --src-type LOCAL -j MASQUERADE`,
  );
}

/** The three rules of one port, each with its table; all are inserted at the head. */
function portRules(
  engine: EngineVersion,
  port: IngressPort,
  gateway: string,
): [table: 'nat' | 'filter', rule: string][] {
  const { protocol, publishedPort } = port;
  const answers = engine.ingressUsesConntrack
    ? `-m ${protocol} --sport ${publishedPort} -m conntrack --ctstate RELATED,ESTABLISHED`
    : `-m state --state RELATED,ESTABLISHED -m ${protocol} --sport ${publishedPort}`;
  return [
    [
      'nat',
      `-p ${protocol} -m ${protocol} --dport ${publishedPort} -j DNAT --to-destination ${gateway}:${publishedPort}`,
    ],
    ['filter', `-p ${protocol} ${answers} -j ACCEPT`],
    ['filter', `-p ${protocol} -m ${protocol} --dport ${publishedPort} -j ACCEPT`],
  ];
}

/** Opens a published port on the host; `gateway` is the ingress sandbox's gwbridge address. */
export function addIngressPort(
  writer: RuleWriter,
  engine: EngineVersion,
  port: IngressPort,
  gateway: string,
): void {
  for (const [table, rule] of portRules(engine, port, gateway)) writer.insert(table, CHAIN, rule);
}

/** Closes a published port on the host. */
export function removeIngressPort(
  writer: RuleWriter,
  engine: EngineVersion,
  port: IngressPort,
  gateway: string,
): void {
  for (const [table, rule] of portRules(engine, port, gateway)) writer.remove(table, CHAIN, rule);
}

/**
 * What a task lets in and out on its ingress address: its published targets only, everything else
 * of TCP, UDP and SCTP is dropped.
 */
export function writeTaskIngressRules(
  writer: RuleWriter,
  address: string,
  ports: readonly IngressPort[],
): void {
  for (const protocol of ['sctp', 'udp', 'tcp']) {
    writer.append('filter', 'INPUT', `-d ${address}/32 -p ${protocol} -j DROP`);
    writer.append('filter', 'OUTPUT', `-s ${address}/32 -p ${protocol} -j DROP`);
  }
  for (const { protocol, publishedPort, targetPort } of ports) {
    const match = `-p ${protocol} -m ${protocol}`;
    writer.append(
      'nat',
      'PREROUTING',
      `-d ${address}/32 ${match} --dport ${publishedPort} -j REDIRECT --to-port ${targetPort}`,
    );
    writer.insert(
      'filter',
      'INPUT',
      `-d ${address}/32 ${match} --dport ${targetPort} -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT`,
    );
    writer.insert(
      'filter',
      'OUTPUT',
      `-s ${address}/32 ${match} --sport ${targetPort} -m conntrack --ctstate ESTABLISHED -j ACCEPT`,
    );
  }
}
