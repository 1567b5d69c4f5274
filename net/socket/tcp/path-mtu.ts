/**
 * The segment size that the path to the peer takes. Mirrors `tcp_sync_mss` (net/ipv4/tcp_output.c).
 */
import type { TcpConnection } from './connection.ts';
import { HEADERS_BYTES, MSS_BYTES_MIN } from './constants.ts';

/** Looks the path's MTU up again; true when segments have become shorter. */
export function syncPathMtu(connection: TcpConnection): boolean {
  const { namespace } = connection.table;
  const { remoteAddress, localAddress } = connection;
  const route = namespace.routeLookup({ destination: remoteAddress, source: localAddress });
  if (route === undefined) return false;
  const pathMssBytes = namespace.pathMtuBytes(remoteAddress, route) - HEADERS_BYTES;
  const mssBytes = Math.min(connection.peerMssBytes, Math.max(pathMssBytes, MSS_BYTES_MIN));
  const isShorter = mssBytes < connection.mssBytes;
  connection.mssBytes = mssBytes;
  return isShorter;
}
