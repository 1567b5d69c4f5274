/**
 * docker-proxy, one process per published port: it holds the host's port open and carries what comes
 * past the DNAT rules (from the host's loopback, from containers of the same bridge) to the
 * container, which then sees the bridge's gateway as its client (`cmd/docker-proxy`).
 *
 * Without a userland proxy dockerd holds the port itself and accepts nothing.
 */
import type { Namespace } from '../../net/namespace.ts';
import { Errno } from '../../net/socket/errno.ts';
import type { SctpAssociation } from '../../net/socket/sctp/association.ts';
import type { SctpHandlers } from '../../net/socket/sctp/handlers.ts';
import type { TcpConnection } from '../../net/socket/tcp/connection.ts';
import type { TcpHandlers } from '../../net/socket/tcp/handlers.ts';
import type { TcpListener } from '../../net/socket/tcp/listener.ts';
import type { UdpSocket } from '../../net/socket/udp-socket.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { type IpAddress, isUnspecified, parseIp } from '../../wire/ip-address.ts';
import type { PortMapping } from '../firewall/bridge-rules.ts';

/** How long a UDP client is remembered that says nothing (`UDPConnTrackTimeout`). */
const UDP_CLIENT_NS = 90 * SECOND_NS;

/** Who holds a port open. */
export interface PortHolder {
  /** For `ss`: `docker-proxy` with its process id, or `dockerd`. */
  readonly program: string;
  /** The same for the process that listens on every IPv6 address, if there is one. */
  readonly programIpv6: string | undefined;
  /** Accepts and forwards; false only holds the port. */
  readonly isForwarding: boolean;
  /** Where what comes by IPv6 goes; undefined for where everything goes. */
  readonly address6?: IpAddress | undefined;
}

/** What a port is held by; closing it gives the port back. */
export interface HeldPort {
  close(): void;
}

/** Opens a published port on the host; false when somebody has it. */
export function holdPort(
  host: Namespace,
  mapping: PortMapping,
  holder: PortHolder,
): HeldPort | false {
  const isForIpv6 = mapping.hostAddress.includes(':');
  const own = parseIp(mapping.containerAddress)!;
  const address = isForIpv6 ? (holder.address6 ?? own) : own;
  const target = { address, mapping, holder };
  if (mapping.protocol === 'sctp') return holdSctp(host, target);
  return mapping.protocol === 'tcp' ? holdTcp(host, target) : holdUdp(host, target);
}

interface Target {
  readonly address: IpAddress;
  readonly mapping: PortMapping;
  readonly holder: PortHolder;
}

/** Where a port is bound; `::` is IPv6's own, as Go's `tcp6` has it. */
function bindOf({ hostAddress }: PortMapping): { address: IpAddress; family?: 'ipv6' } {
  const address = hostAddress === '' ? 0 : parseIp(hostAddress)!;
  return address !== 0 && isUnspecified(address) ? { address, family: 'ipv6' } : { address };
}

function holdTcp(host: Namespace, target: Target): HeldPort | false {
  const { mapping, holder } = target;
  const options = { port: mapping.hostPort, onConnection: forwardTo(host, target) };
  const bound = bindOf(mapping);
  const own = host.sockets.listen({ ...options, ...bound, program: holder.program });
  if (typeof own !== 'object') return false;
  own.isAccepting = holder.isForwarding;
  const listeners: TcpListener[] = [own];
  if (holder.programIpv6 !== undefined) {
    const onConnection = forwardTo(host, { ...target, address: holder.address6 ?? target.address });
    const other = host.sockets.listen({
      ...options,
      onConnection,
      family: 'ipv6',
      program: holder.programIpv6,
    });
    if (typeof other === 'object') {
      other.isAccepting = holder.isForwarding;
      listeners.push(other);
    }
  }
  return {
    close: () => {
      for (const listener of listeners) listener.close();
    },
  };
}

/** Carries connections to the container and back; who ends one direction leaves the other open. */
function forwardTo(host: Namespace, { address, mapping }: Target) {
  return (client: TcpConnection): TcpHandlers => {
    let isOpen = false;
    let hasEnded = false;
    const waiting: Uint8Array[] = [];
    const backend = host.sockets.connect({
      address,
      port: mapping.containerPort,
      handlers: {
        onConnected: (own) => {
          isOpen = true;
          for (const bytes of waiting.splice(0)) own.send(bytes);
          if (hasEnded) own.end();
        },
        onData: (bytes) => client.send(bytes),
        onEnd: () => client.end(),
        onClosed: (reason) => {
          if (reason !== 'closed') client.close();
        },
      },
    });
    return {
      onData: (bytes) => {
        if (isOpen) backend.send(bytes);
        else waiting.push(bytes);
      },
      onEnd: () => {
        hasEnded = true;
        if (isOpen) backend.end();
      },
      onClosed: (reason) => {
        if (reason !== 'closed') backend.abort();
      },
    };
  };
}

/** Carries messages, stream by stream, and ends one side when the other has ended. */
function holdSctp(host: Namespace, { address, mapping, holder }: Target): HeldPort | false {
  const { sctp } = host.sockets;
  const forward = (client: SctpAssociation): SctpHandlers => {
    const waiting: [Uint8Array, number][] = [];
    let isOpen = false;
    const backend = sctp.connect({
      address,
      port: mapping.containerPort,
      handlers: {
        onConnected: (own) => {
          isOpen = true;
          for (const [bytes, stream] of waiting.splice(0)) own.send(bytes, stream);
        },
        onMessage: (bytes, _, stream) => client.send(bytes, stream),
        onClosed: () => client.close(),
      },
    });
    return {
      onMessage: (bytes, _, stream) => {
        if (isOpen) backend.send(bytes, stream);
        else waiting.push([bytes, stream]);
      },
      onClosed: () => backend.close(),
    };
  };
  const listener = sctp.listen({
    address: bindOf(mapping).address,
    port: mapping.hostPort,
    program: holder.program,
    ...(holder.isForwarding ? { onAssociation: forward } : {}),
  });
  return typeof listener === 'object' && listener;
}

function holdUdp(host: Namespace, target: Target): HeldPort | false {
  const { mapping, holder, address } = target;
  const { queue } = host.world;
  const clients = new Map<string, { readonly socket: UdpSocket; seenAtNs: number }>();
  const forward = (to: IpAddress) => ({
    onDatagram: (bytes: Uint8Array, fromAddress: IpAddress, fromPort: number, own: UdpSocket) => {
      if (!holder.isForwarding) return;
      for (const [key, client] of clients) {
        if (queue.nowNs - client.seenAtNs < UDP_CLIENT_NS) continue;
        client.socket.close();
        clients.delete(key);
      }
      const key = `${fromAddress}:${fromPort}`;
      let client = clients.get(key);
      if (client === undefined) {
        const socket = host.sockets.openUdp({
          onDatagram: (answer) => own.sendTo(answer, fromAddress, fromPort),
        });
        if (socket.connect(to, mapping.containerPort) !== Errno.none) return;
        client = { socket, seenAtNs: queue.nowNs };
        clients.set(key, client);
      }
      client.seenAtNs = queue.nowNs;
      client.socket.send(bytes);
    },
  });
  const own = host.sockets.openUdp(forward(address));
  own.program = holder.program;
  const bindTo = bindOf(mapping).address;
  if (own.bind(mapping.hostPort, bindTo) !== Errno.none) return false;
  const sockets = [own];
  if (holder.programIpv6 !== undefined) {
    const other = host.sockets.openUdp(forward(holder.address6 ?? address));
    other.family = 'ipv6';
    other.program = holder.programIpv6;
    other.bind(mapping.hostPort);
    sockets.push(other);
  }
  return {
    close: () => {
      for (const socket of sockets) socket.close();
      for (const { socket } of clients.values()) socket.close();
      clients.clear();
    },
  };
}
