/**
 * Persistent services (`ip_vs_sched_persist`, `ip_vs_check_template`): the first connection of a
 * client makes a template, and for as long as it lives the client's further connections go where it
 * says. A template whose destination was removed is of no use any more, and with
 * `expire_quiescent_template` neither is one whose destination has weight 0.
 *
 * The template of a service with a mark is for all protocols and ports; of one with an address, for
 * its protocol and port, and of one with port 0 for all ports of its protocol.
 */
import type { Ipv4Address } from '../wire/addresses.ts';
import { IpvsConnection } from './connection.ts';
import type { Ipvs } from './ipvs.ts';
import type { NewConnection } from './schedulers/scheduler.ts';
import type { Destination, Service } from './service.ts';

/** Protocol of a template that is for all of them (`IPPROTO_IP`). */
const ANY_PROTOCOL = 0;

/**
 * The template for a new connection, made now if need be; `undefined` for a service that is not
 * persistent, null when no destination is available.
 */
export function templateOf(
  ipvs: Ipvs,
  service: Service,
  protocol: number,
  ends: NewConnection,
): IpvsConnection | undefined | null {
  const { persistence, key } = service;
  if (persistence === undefined) return undefined;
  const client = maskedOf(ends.sourceAddress, persistence.maskBits);
  const isByMark = 'fwmark' in key;
  const ownPort = isByMark ? 0 : key.port;
  const known = isByMark
    ? ipvs.connections.ofRequest(ANY_PROTOCOL, client, 0, key.fwmark, 0)
    : ipvs.connections.ofRequest(protocol, client, 0, ends.destinationAddress, ownPort);
  if (known !== undefined) {
    if (isUsable(ipvs, known.destination)) {
      ipvs.connections.useTemplate(known);
      return known;
    }
    ipvs.connections.invalidate(known);
  }
  const destination = service.scheduler.schedule(service, ends);
  if (destination === undefined) return null;
  const { destinationAddress } = ends;
  const template = isByMark
    ? new IpvsConnection(ANY_PROTOCOL, client, 0, key.fwmark, 0, key.fwmark, destination, false)
    : new IpvsConnection(protocol, client, 0, destinationAddress, ownPort, 0, destination, false);
  template.templateNs = persistence.timeoutNs;
  ipvs.connections.add(template);
  ipvs.connections.useTemplate(template);
  return template;
}

function isUsable(ipvs: Ipvs, { isAvailable, weight }: Destination): boolean {
  if (!isAvailable) return false;
  const { sysctls } = ipvs.namespace;
  const isStrict = sysctls.number('net.ipv4.vs.expire_quiescent_template') !== 0;
  return weight !== 0 || !isStrict;
}

function maskedOf(address: Ipv4Address, maskBits: number): Ipv4Address {
  return maskBits === 0 ? 0 : (address & (0xffff_ffff << (32 - maskBits))) >>> 0;
}
