/**
 * What a program is told about a TCP connection.
 *
 * Every handler is given the connection last, so that one handlers object can serve many. A handler
 * may call any method of the connection, `close` and `abort` included.
 */
import type { TcpConnection } from './connection.ts';

/**
 * Why a connection ended: both sides closed it, a RST or an abort, no answer for too long, a RST in
 * answer to the SYN (or ICMP port unreachable), any other ICMP error in answer to the SYN or no route.
 */
export type CloseReason = 'closed' | 'reset' | 'timeout' | 'refused' | 'unreachable';

/** A program's part of a connection. */
export interface TcpHandlers {
  /** The handshake is complete. */
  onConnected?(connection: TcpConnection): void;
  /** Bytes arrived; the array is a view of the packet and may be kept, but not changed. */
  onData?(bytes: Uint8Array, connection: TcpConnection): void;
  /** The peer sends no more. Without this handler our side is closed, too. */
  onEnd?(connection: TcpConnection): void;
  /** The connection is over; nothing follows. `connection.errno` has more than the reason. */
  onClosed?(reason: CloseReason, connection: TcpConnection): void;
  /** `send` had returned false, and everything that waited then has been acknowledged. */
  onDrain?(connection: TcpConnection): void;
}
