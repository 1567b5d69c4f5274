/**
 * The segment size that the path to the peer takes. Mirrors `tcp_sync_mss` (net/ipv4/tcp_output.c).
 */
import type { TcpConnection } from './connection.ts';
import { HEADERS_BYTES, MSS_BYTES_MIN, PATH_MTU_BYTES_MAX } from './constants.ts';

/** The segment size that fits packets of `mtuBytes`, in bytes of payload. */
export function segmentBytesOf(mtuBytes: number): number {
  return Math.max(Math.min(mtuBytes, PATH_MTU_BYTES_MAX) - HEADERS_BYTES, MSS_BYTES_MIN);
}

/** Looks the path's MTU up again; true when segments have become shorter. */
export function syncPathMtu(connection: TcpConnection): boolean {
  const { namespace } = connection.table;
  const { remoteAddress, localAddress } = connection;
  const route = namespace.routeLookup({ destination: remoteAddress, source: localAddress });
  if (route === undefined) return false;
  const pathMssBytes = segmentBytesOf(namespace.pathMtuBytes(remoteAddress, route));
  const mssBytes = Math.min(connection.peerMssBytes, pathMssBytes);
  const isShorter = mssBytes < connection.mssBytes;
  connection.mssBytes = mssBytes;
  return isShorter;
}
