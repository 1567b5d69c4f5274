/**
 * ESP goes out: a packet that a policy selects passes POSTROUTING as it is, is encrypted, and passes
 * OUTPUT and POSTROUTING again as ESP (`xfrm4_output`, `xfrm_output_resume`, `esp_output`).
 */
import { sealEsp } from '../../wire/esp.ts';
import {
  destinationOf,
  headerBytesOf,
  isIpv6,
  protocolOf,
  setProtocol,
  setTotalLength,
} from '../../wire/ip.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import type { RouteResult } from '../ip/route.ts';
import { SendResult } from '../ip/send-result.ts';
import type { Namespace } from '../namespace.ts';
import { Hook, Verdict } from '../netfilter/hook.ts';
import { ConnectionState, HEADROOM_BYTES, type Packet } from '../packet.ts';
import { takeBytes } from '../packet-bytes.ts';
import { associationText } from './association-text.ts';
import type { Association } from './xfrm.ts';

/** Encrypts a packet that is past OUTPUT, and sends it along its route. */
export function sendSecured(
  namespace: Namespace,
  packet: Packet,
  route: RouteResult,
  association: Association,
): SendResult {
  const isVersion6 = isIpv6(packet.bytes, packet.start);
  const { hooks } = isVersion6 ? namespace.ipv6 : namespace;
  const { device, nextHop } = route;
  let verdict = hooks.run(packet, Hook.postrouting, undefined, device);
  if (verdict === Verdict.accept) {
    encrypt(namespace, packet, association);
    verdict = hooks.run(packet, Hook.output, undefined, device);
  }
  if (verdict === Verdict.stolen) return SendResult.sent;
  if (verdict === Verdict.drop) {
    namespace.countDrop('netfilter of a packet that is encrypted');
    return SendResult.EPERM;
  }
  const destination = destinationOf(packet.bytes, packet.start);
  const mtuBytes = namespace.pathMtuBytes(destination, route);
  return isVersion6
    ? namespace.ipv6.transmit(packet, device, nextHop, mtuBytes)
    : namespace.transmitIpv4(packet, device, nextHop, mtuBytes);
}

function encrypt(namespace: Namespace, packet: Packet, association: Association): void {
  const { bytes, start, end } = packet;
  const { world, name } = namespace;
  const headerBytes = headerBytesOf(bytes, start);
  const plain = bytes.subarray(start + headerBytes, end);
  association.bytes += plain.length;
  association.packets++;
  association.usedAtNs = world.nowNs;
  const sequence = ++association.sequence;
  const { spi, ivSalt } = association;
  const [ivHigh] = ivSalt;
  // the sequence number's high half is 0: without ESN it has 32 bits
  const ivLow = (sequence ^ ivSalt[1]) >>> 0;
  const protocol = protocolOf(bytes, start);
  const sealed = sealEsp(association, spi, sequence, ivHigh, ivLow, plain, protocol);
  const lengthBytes = headerBytes + sealed.length;
  const secured = takeBytes(HEADROOM_BYTES + lengthBytes);
  secured.set(bytes.subarray(start, start + headerBytes), HEADROOM_BYTES);
  secured.set(sealed, HEADROOM_BYTES + headerBytes);
  packet.bytes = secured;
  packet.start = HEADROOM_BYTES;
  packet.end = HEADROOM_BYTES + lengthBytes;
  setTotalLength(secured, HEADROOM_BYTES, lengthBytes);
  setProtocol(secured, HEADROOM_BYTES, IpProtocol.esp);
  packet.connection = undefined;
  packet.connectionState = ConnectionState.none;
  packet.isReply = false;
  packet.way?.add(world.nowNs, name, 'encrypt', '', '', associationText(association));
}
