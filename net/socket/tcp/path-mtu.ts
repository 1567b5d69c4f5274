/**
 * The segment size that the path to the peer takes. Mirrors `tcp_sync_mss` (net/ipv4/tcp_output.c).
 */
import { plainHeaderBytes } from '../../../wire/ip.ts';
import type { IpAddress } from '../../../wire/ip-address.ts';
import { TCP_HEADER_BYTES } from '../../../wire/tcp.ts';
import type { TcpConnection } from './connection.ts';
import { MSS_BYTES_MIN, PATH_MTU_BYTES_MAX } from './constants.ts';

/** The segment size that fits packets of `mtuBytes` to a peer, in bytes of payload. */
export function segmentBytesOf(mtuBytes: number, peer: IpAddress): number {
  const headersBytes = plainHeaderBytes(peer) + TCP_HEADER_BYTES;
  return Math.max(Math.min(mtuBytes, PATH_MTU_BYTES_MAX) - headersBytes, MSS_BYTES_MIN);
}

/** Looks the path's MTU up again; true when segments have become shorter. */
export function syncPathMtu(connection: TcpConnection): boolean {
  const { namespace } = connection.table;
  const { remoteAddress, localAddress } = connection;
  const route = namespace.routeLookup({ destination: remoteAddress, source: localAddress });
  if (route === undefined) return false;
  const pathMssBytes = segmentBytesOf(namespace.pathMtuBytes(remoteAddress, route), remoteAddress);
  const mssBytes = Math.min(connection.peerMssBytes, pathMssBytes);
  const isShorter = mssBytes < connection.mssBytes;
  connection.mssBytes = mssBytes;
  return isShorter;
}
