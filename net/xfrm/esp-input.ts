/**
 * ESP comes in: the association of its SPI opens it, and what was inside goes through PREROUTING and
 * INPUT again, now known as secured (`xfrm_input`, `esp_input`, `xfrm4_transport_finish`).
 */
import { espSpiOf, openEsp } from '../../wire/esp.ts';
import { destinationOf, headerBytesOf, setProtocol, setTotalLength } from '../../wire/ip.ts';
import type { Namespace } from '../namespace.ts';
import { ConnectionState, type Packet } from '../packet.ts';
import { associationText } from './association-text.ts';
import type { Xfrm } from './xfrm.ts';

/** Takes an ESP packet for this host; `packet.start` is its IP header. */
export function receiveEsp(namespace: Namespace, xfrm: Xfrm, packet: Packet): void {
  const { bytes, start, end } = packet;
  const payloadAt = start + headerBytesOf(bytes, start);
  const spi = espSpiOf(bytes, payloadAt, end);
  const place = packet.inDevice?.name ?? '';
  if (spi === undefined) {
    xfrm.counters.XfrmInHdrError++;
    namespace.drop(packet, place, 'ESP header is cut short');
    return;
  }
  const association = xfrm.find(destinationOf(bytes, start), spi);
  if (association === undefined) {
    xfrm.counters.XfrmInNoStates++;
    namespace.drop(packet, place, 'no security association has the SPI');
    return;
  }
  const content = openEsp(association, bytes.subarray(payloadAt, end));
  if (content === undefined) {
    xfrm.counters.XfrmInStateProtoError++;
    association.failedCount++;
    namespace.drop(packet, place, 'the integrity value of ESP is wrong');
    return;
  }
  const { payload, protocol } = content;
  bytes.set(payload, payloadAt);
  packet.end = payloadAt + payload.length;
  setTotalLength(bytes, start, packet.end - start);
  setProtocol(bytes, start, protocol);
  association.bytes += payload.length;
  association.packets++;
  association.usedAtNs = namespace.world.nowNs;
  if (packet.way !== undefined) {
    const { world, name } = namespace;
    packet.way.add(world.nowNs, name, 'decrypt', place, '', associationText(association));
  }
  packet.isSecured = true;
  packet.connection = undefined;
  packet.connectionState = ConnectionState.none;
  packet.isReply = false;
  namespace.receiveDecrypted(packet);
}
