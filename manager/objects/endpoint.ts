/**
 * How a service is reached: published ports and virtual addresses (swarmkit `api/types.proto`:
 * `EndpointSpec`, `Endpoint`, `PortConfig`).
 */
import type { Prefix } from '../../wire/addresses.ts';

/** How a service's name resolves: to a virtual address, or to the addresses of its tasks. */
export const EndpointMode = { vip: 0, dnsrr: 1 } as const;
/** One of {@link EndpointMode}. */
export type EndpointMode = (typeof EndpointMode)[keyof typeof EndpointMode];

/** The protocol of a published port, with swarmkit's numbers. */
export const PortProtocol = { tcp: 0, udp: 1, sctp: 2 } as const;
/** One of {@link PortProtocol}. */
export type PortProtocol = (typeof PortProtocol)[keyof typeof PortProtocol];

/** Where a published port listens: on every node (routing mesh), or where the task is. */
export const PublishMode = { ingress: 0, host: 1 } as const;
/** One of {@link PublishMode}. */
export type PublishMode = (typeof PublishMode)[keyof typeof PublishMode];

/** One published port. */
export interface PortConfig {
  readonly name: string;
  readonly protocol: PortProtocol;
  readonly targetPort: number;
  /** 0 asks for a dynamic port (30000 to 32767). */
  readonly publishedPort: number;
  readonly publishMode: PublishMode;
}

/** What an operator asks of a service's endpoint. */
export interface EndpointSpec {
  readonly mode: EndpointMode;
  readonly ports: readonly PortConfig[];
}

/** A virtual address of a service on one network. */
export interface VirtualIp {
  readonly networkId: string;
  readonly address: Prefix;
}

/** What was allocated for a service's endpoint. */
export interface Endpoint {
  readonly spec: EndpointSpec;
  readonly ports: readonly PortConfig[];
  /** In the order of allocation: the ingress network first. */
  readonly virtualIps: readonly VirtualIp[];
}

/** The endpoint spec of a service that publishes nothing. */
export const DEFAULT_ENDPOINT_SPEC: EndpointSpec = { mode: EndpointMode.vip, ports: [] };

/** The protocol's name as Docker writes it. */
export function formatPortProtocol(protocol: PortProtocol): 'tcp' | 'udp' | 'sctp' {
  if (protocol === PortProtocol.tcp) return 'tcp';
  return protocol === PortProtocol.udp ? 'udp' : 'sctp';
}
