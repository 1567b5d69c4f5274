/**
 * Who wants to know what a host acts on: the places where something that it was told (a VTEP, a back
 * end, an address) decides about a packet, a connection or an answer. Nobody does, usually.
 */
import type { Ipv4Address, Mac } from '../wire/addresses.ts';

/** Hears what hosts act on; must not change anything. */
export interface BeliefWatch {
  /** A frame for `mac` goes to the VTEP `remote`. */
  onTunnel(vni: number, mac: Mac, remote: Ipv4Address): void;
  /** ipvs gives a new connection to this destination. */
  onSchedule(destination: Ipv4Address): void;
  /** The embedded DNS server answers a program with these addresses. */
  onNameAnswer(addresses: readonly Ipv4Address[]): void;
}
