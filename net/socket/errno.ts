/**
 * What a socket call returns: 0, or an errno with Linux' number; and what an ICMP error means to a
 * socket.
 *
 * Mirrors `include/uapi/asm-generic/errno.h`, `icmp_err_convert` in net/ipv4/icmp.c and
 * `icmpv6_err_convert` in net/ipv6/icmp.c.
 */
import { IcmpType } from '../../wire/icmp.ts';
import { Icmpv6Type, Unreachable6Code } from '../../wire/ipv6/icmpv6.ts';

/** 0, or an errno with Linux' number. */
export const Errno = {
  none: 0,
  EPERM: 1,
  EACCES: 13,
  EINVAL: 22,
  EPIPE: 32,
  EPROTO: 71,
  EDESTADDRREQ: 89,
  EMSGSIZE: 90,
  ENOPROTOOPT: 92,
  EOPNOTSUPP: 95,
  ENONET: 64,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETUNREACH: 101,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTDOWN: 112,
  EHOSTUNREACH: 113,
} as const;
/** See {@link Errno}. */
export type Errno = (typeof Errno)[keyof typeof Errno];

const TEXTS: Readonly<Partial<Record<Errno, string>>> = {
  [Errno.EPERM]: 'Operation not permitted',
  [Errno.EACCES]: 'Permission denied',
  [Errno.EINVAL]: 'Invalid argument',
  [Errno.EPIPE]: 'Broken pipe',
  [Errno.EPROTO]: 'Protocol error',
  [Errno.EMSGSIZE]: 'Message too long',
  [Errno.EADDRINUSE]: 'Address already in use',
  [Errno.EADDRNOTAVAIL]: 'Cannot assign requested address',
  [Errno.ENETUNREACH]: 'Network is unreachable',
  [Errno.ECONNABORTED]: 'Software caused connection abort',
  [Errno.ECONNRESET]: 'Connection reset by peer',
  [Errno.ENOBUFS]: 'No buffer space available',
  [Errno.ENOTCONN]: 'Transport endpoint is not connected',
  [Errno.ETIMEDOUT]: 'Connection timed out',
  [Errno.ECONNREFUSED]: 'Connection refused',
  [Errno.EHOSTDOWN]: 'Host is down',
  [Errno.EHOSTUNREACH]: 'No route to host',
};

/** The text of `strerror`. */
export function formatErrno(errno: Errno): string {
  return TEXTS[errno] ?? `Unknown error ${errno}`;
}

/** The errnos of destination-unreachable codes 0 to 15. */
const UNREACHABLE_ERRNOS: readonly Errno[] = [
  Errno.ENETUNREACH,
  Errno.EHOSTUNREACH,
  Errno.ENOPROTOOPT,
  Errno.ECONNREFUSED,
  Errno.EMSGSIZE,
  Errno.EOPNOTSUPP,
  Errno.ENETUNREACH,
  Errno.EHOSTDOWN,
  Errno.ENONET,
  Errno.ENETUNREACH,
  Errno.EHOSTUNREACH,
  Errno.ENETUNREACH,
  Errno.EHOSTUNREACH,
  Errno.EHOSTUNREACH,
  Errno.EHOSTUNREACH,
  Errno.EHOSTUNREACH,
];

/** Codes of destination-unreachable that a connected UDP socket is told of (`fatal`), as bits. */
const FATAL_CODES = 0b1110_0111_1100_1100;

/** The errno of an ICMP error; `none` for types that are not reported to sockets. */
export function errnoOfIcmp(type: number, code: number): Errno {
  if (type === IcmpType.destinationUnreachable) return UNREACHABLE_ERRNOS[code] ?? Errno.none;
  if (type === IcmpType.timeExceeded) return Errno.EHOSTUNREACH;
  return Errno.none;
}

/** True when the error ends what it is about (`icmp_err_convert[].fatal`). */
export function isFatalIcmp(type: number, code: number): boolean {
  return type === IcmpType.destinationUnreachable && ((FATAL_CODES >> code) & 1) === 1;
}

const UNREACHABLE6_ERRNOS: readonly Errno[] = [
  Errno.ENETUNREACH,
  Errno.EACCES,
  Errno.EHOSTUNREACH,
  Errno.EHOSTUNREACH,
  Errno.ECONNREFUSED,
  Errno.EACCES,
  Errno.EACCES,
];

/** The errno of an ICMPv6 error. */
export function errnoOfIcmpv6(type: number, code: number): Errno {
  if (type === Icmpv6Type.destinationUnreachable) return UNREACHABLE6_ERRNOS[code] ?? Errno.EPROTO;
  if (type === Icmpv6Type.packetTooBig) return Errno.EMSGSIZE;
  return type === Icmpv6Type.timeExceeded ? Errno.EHOSTUNREACH : Errno.EPROTO;
}

/** True when an ICMPv6 error ends what it is about. */
export function isFatalIcmpv6(type: number, code: number): boolean {
  if (type === Icmpv6Type.parameterProblem) return true;
  if (type !== Icmpv6Type.destinationUnreachable) return false;
  return code === Unreachable6Code.prohibited || code >= Unreachable6Code.port;
}
