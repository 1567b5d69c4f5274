/**
 * How long connections of one namespace live in each state, as `ipvsadm --set` may change it for
 * established TCP, for TCP of which a FIN was seen, and for UDP (`ip_vs_set_timeout`). What a connection
 * lives already is not changed until its next packet.
 */
import { SECOND_NS } from '../../sim/time.ts';
import { IPVS_TCP_TIMEOUTS_NS, IPVS_UDP_TIMEOUT_NS, IpvsTcpState } from './constants.ts';

/** The timeouts of one namespace. */
export class IpvsTimeouts {
  /** By TCP state, in ns. */
  readonly tcpNs: number[] = [...IPVS_TCP_TIMEOUTS_NS];
  udpNs = IPVS_UDP_TIMEOUT_NS;

  /** Sets them in s; 0 leaves one as it is. */
  set(tcpSeconds: number, tcpFinSeconds: number, udpSeconds: number): void {
    const { established, finWait } = IpvsTcpState;
    if (tcpSeconds > 0) this.tcpNs[established] = tcpSeconds * SECOND_NS;
    if (tcpFinSeconds > 0) this.tcpNs[finWait] = tcpFinSeconds * SECOND_NS;
    if (udpSeconds > 0) this.udpNs = udpSeconds * SECOND_NS;
  }
}
