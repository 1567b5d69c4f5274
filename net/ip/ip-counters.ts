/**
 * What a namespace's IP of one version has counted, as its MIB has it: packets taken in, delivered,
 * forwarded and sent, and the messages of ICMP by their types. Reasons of drops are counted apart
 * (`Namespace.dropCounts`). Mirrors `struct ipstats_mib` and `struct icmpmsg_mib` (include/net/snmp.h).
 */

/** The counters of one version. */
export class IpCounters {
  /** Taken in from a device, header not looked at yet (`InReceives`). */
  received = 0;
  receivedBytes = 0;
  /** Given to a protocol (`InDelivers`). */
  delivered = 0;
  forwarded = 0;
  /** Sent by POSTROUTING, forwarded packets included, as kernels before 6.10 count (`OutRequests`). */
  sent = 0;
  sentBytes = 0;
  /** Not sent for want of a route (`OutNoRoutes`). */
  unroutable = 0;
  /** Packets that were cut, their pieces, and those that could not be (`FragOKs`, `FragCreates`). */
  fragmented = 0;
  fragments = 0;
  unfragmentable = 0;
  /** Taken in by their ECN bits: not capable, ECT(1), ECT(0), congestion experienced. */
  readonly receivedByEcn: number[] = [0, 0, 0, 0];
  readonly icmpReceived = new Map<number, number>();
  readonly icmpSent = new Map<number, number>();

  /** Counts a packet that came in. */
  receive(lengthBytes: number, ecn: number): void {
    this.received++;
    this.receivedBytes += lengthBytes;
    this.receivedByEcn[ecn]!++;
  }

  /** Counts a packet that goes out. */
  send(lengthBytes: number): void {
    this.sent++;
    this.sentBytes += lengthBytes;
  }

  /** Counts a message of ICMP. */
  noteIcmp(messages: Map<number, number>, type: number): void {
    messages.set(type, (messages.get(type) ?? 0) + 1);
  }
}
