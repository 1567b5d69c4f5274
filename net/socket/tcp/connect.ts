/**
 * Opening a connection: source address from the route, a port, the SYN.
 * Mirrors `tcp_v4_connect` (net/ipv4/tcp_ipv4.c).
 */
import { ANY_ADDRESS } from '../../../wire/addresses.ts';
import { type IpAddress, isIpv6Address } from '../../../wire/ip-address.ts';
import { isLinkLocal } from '../../../wire/ipv6/scope.ts';
import type { RouteType } from '../../ip/route.ts';
import { Errno } from '../errno.ts';
import type { SocketTable } from '../table.ts';
import { TcpConnection, type TcpOptionSettings } from './connection.ts';
import type { CloseReason, TcpHandlers } from './handlers.ts';
import { armRetransmission, sendSyn } from './output.ts';
import { TcpState } from './state.ts';

/** What `connect` is told. */
export interface ConnectOptions extends TcpOptionSettings {
  readonly address: IpAddress;
  readonly port: number;
  readonly handlers: TcpHandlers;
  /** What `ss -p` prints in `users:((…))`. */
  readonly program?: string;
  /** Default: the route's source. */
  readonly sourceAddress?: IpAddress;
  /** Default: a free one of `ip_local_port_range`. */
  readonly sourcePort?: number;
}

/** What routes that lead nowhere answer (`fib_props`, net/ipv4/fib_semantics.c). */
const ROUTE_ERRNOS: Readonly<Partial<Record<RouteType, Errno>>> = {
  blackhole: Errno.EINVAL,
  unreachable: Errno.EHOSTUNREACH,
  prohibit: Errno.EACCES,
  broadcast: Errno.ENETUNREACH,
  multicast: Errno.ENETUNREACH,
};

/** Opens a connection; failures come by `onClosed`, at the same instant but later. */
export function openConnection(table: SocketTable, options: ConnectOptions): TcpConnection {
  const { namespace } = table;
  const { address, port, handlers } = options;
  table.counters.activeOpens++;
  const chosen = options.sourceAddress ?? ANY_ADDRESS;
  const route = namespace.routeLookup(
    chosen === ANY_ADDRESS ? { destination: address } : { destination: address, source: chosen },
  );
  const source = chosen === ANY_ADDRESS ? (route?.source ?? ANY_ADDRESS) : chosen;
  if (route === undefined) {
    return failed(table, source, options, 'unreachable', Errno.ENETUNREACH);
  }
  // a link-local address without a link
  if (isIpv6Address(address) && isLinkLocal(address) && route.type !== 'local') {
    return failed(table, source, options, 'unreachable', Errno.EINVAL);
  }
  const refusal = ROUTE_ERRNOS[route.type];
  if (refusal !== undefined) return failed(table, source, options, 'unreachable', refusal);
  const sourcePort = options.sourcePort ?? choosePort(table, source, address, port);
  if (sourcePort === 0 || table.endpoints.find(source, sourcePort, address, port) !== undefined) {
    return failed(table, source, options, 'refused', Errno.EADDRNOTAVAIL);
  }
  const connection = table.createConnection(source, sourcePort, address, port);
  if (connection === undefined) {
    return failed(table, source, options, 'unreachable', Errno.ENETUNREACH);
  }
  connection.handlers = handlers;
  connection.configure(options);
  connection.state = TcpState.synSent;
  connection.sndNxt = (connection.initialSequence + 1) | 0;
  connection.sndMax = connection.sndNxt;
  connection.timedAtNs = namespace.world.nowNs;
  sendSyn(connection);
  if (connection.state === TcpState.synSent) {
    armRetransmission(connection);
    table.timers.rearm(connection);
  }
  return connection;
}

function choosePort(
  table: SocketTable,
  source: IpAddress,
  address: IpAddress,
  port: number,
): number {
  return table.ports.chooseForConnect(
    address,
    port,
    (free) =>
      table.isFreeForConnect(free) &&
      table.endpoints.find(source, free, address, port) === undefined,
  );
}

/** A connection that never was; its program hears of it once it has got hold of it. */
function failed(
  table: SocketTable,
  source: IpAddress,
  options: ConnectOptions,
  reason: CloseReason,
  errno: Errno,
): TcpConnection {
  const { address, port, handlers } = options;
  const connection = new TcpConnection(
    table,
    source,
    options.sourcePort ?? 0,
    address,
    port,
    0,
    1500,
    handlers,
  );
  table.counters.attemptsFailed++;
  const { queue } = table.namespace.world;
  queue.scheduleCallback(queue.nowNs, () => connection.finish(reason, errno));
  return connection;
}
