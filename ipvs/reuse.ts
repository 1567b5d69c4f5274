/**
 * What becomes of a packet that finds a connection (`ip_vs_in_hook`, before it schedules): a new SYN or
 * INIT may be one too many for an old connection, and the real server may have gone.
 *
 * | | before 5.9 | 5.9 to 5.15 | since 5.16 |
 * | --- | --- | --- | --- |
 * | new, on one that is over, `conn_reuse_mode` not 0 | lost ¹ | anew ² | anew ² |
 * | new, at weight 0, `expire_nodest_conn` 1 | lost ¹, in mode 0 used | anew ², in mode 0 used | anew ² |
 * | any, server removed, `expire_nodest_conn` 1 | lost | anew ² | anew ² |
 * | any, server removed, `expire_nodest_conn` 0 | held: the connection's time goes on | held | held |
 *
 * ¹ when conntrack follows the connection; else a server is chosen anew. ² unless the packet belongs to
 * a confirmed entry of conntrack, which cannot lead elsewhere any more: then it is lost, with the entry.
 */
import type { Namespace } from '../net/namespace.ts';
import type { Packet } from '../net/packet.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import { ChunkType } from '../wire/sctp.ts';
import { TcpFlag } from '../wire/tcp.ts';
import type { IpvsConnection } from './connection.ts';
import { IpvsTcpState } from './states/constants.ts';
import { IpvsSctpState } from './states/sctp-states.ts';

/** `lost` and `anew` end the connection; `lost` and `held` drop the packet. */
export type Fate = 'used' | 'anew' | 'lost' | 'held';

/** The fate of a packet at its connection; `event` is a segment's flags or a chunk's type. */
export function fateOf(
  namespace: Namespace,
  connection: IpvsConnection,
  packet: Packet,
  event: number,
): Fate {
  const { isAvailable, weight } = connection.destination;
  const isNew = opensAnew(connection.protocol, event);
  if (isAvailable && !isNew) return 'used';
  const { sysctls, host } = namespace;
  const { losesReusedSyn, reuseModeHoldsQuiesced } = host.kernel;
  const setting = (name: string) => sysctls.number(`net.ipv4.vs.${name}`);
  const expires = setting('expire_nodest_conn') !== 0;
  const isOld = packet.connection?.isConfirmed === true;
  if (isNew) {
    const mode = setting('conn_reuse_mode');
    const isQuiesced = weight === 0 && expires && (mode !== 0 || !reuseModeHoldsQuiesced);
    if (isQuiesced || (mode !== 0 && isOver(connection, mode))) {
      const loses = losesReusedSyn
        ? connection.isTracked && packet.connection !== undefined
        : isOld;
      return loses ? 'lost' : 'anew';
    }
  }
  if (isAvailable) return 'used';
  if (!expires) return 'held';
  return isOld || losesReusedSyn ? 'lost' : 'anew';
}

/** `is_new_conn`. */
function opensAnew(protocol: number, event: number): boolean {
  if (protocol === IpProtocol.tcp) return (event & TcpFlag.syn) !== 0;
  return protocol === IpProtocol.sctp && event === ChunkType.init;
}

/**
 * A connection that is over but for its time, which a new one may replace (`is_new_conn_expected`).
 * A connection that a template controls is not replaced.
 */
function isOver(connection: IpvsConnection, reuseMode: number): boolean {
  const { protocol, state, control, destination, hasReply } = connection;
  if (control !== undefined) return false;
  if (protocol === IpProtocol.sctp) return state === IpvsSctpState.closed;
  if (state === IpvsTcpState.timeWait || state === IpvsTcpState.close) return true;
  const isOneSided = destination.method !== 'masq' && !hasReply;
  return (reuseMode & 2) !== 0 && state === IpvsTcpState.finWait && isOneSided;
}
