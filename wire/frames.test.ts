/**
 * Every format of this folder against frames of a real Docker Engine: what is parsed is what tshark
 * says, and what is written from it are the same bytes.
 */
import { expect, test } from 'vitest';
import { formatIpv4Address, formatMac } from './addresses.ts';
import { parseArp, writeArp } from './arp.ts';
import { foldChecksum, pseudoHeaderSum } from './checksum.ts';
import { encodeDns, parseDns } from './dns.ts';
import {
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherTypeOf,
  parseEthernet,
  writeEthernetHeader,
} from './ethernet.ts';
import {
  encodeIcmp,
  identifierOf,
  isIcmpChecksumRight,
  parseIcmp,
  sequenceNumberOf,
} from './icmp.ts';
import {
  destinationOf,
  fragmentOffsetBytesOf,
  hasMoreFragments,
  headerBytesOf,
  isFragment,
  isValidIpv4Header,
  parseIpv4,
  protocolOf,
  sourceOf,
  totalLengthOf,
  writeIpv4Header,
} from './ipv4.ts';
import { checksumOf, isTcpChecksumRight, parseTcp, TcpFlag, writeTcpHeader } from './tcp.ts';
import { allFrames, frameOf } from './testing/frames.ts';
import { parseUdp, UDP_HEADER_BYTES } from './udp.ts';
import { parseVxlan, VXLAN_HEADER_BYTES, VXLAN_PORT, writeVxlanHeader } from './vxlan.ts';

const IP = ETHERNET_HEADER_BYTES;

test.each(allFrames())('%s: Ethernet and IPv4 headers are rewritten to the byte', (_, frame) => {
  const copy = new Uint8Array(frame.length);
  const ethernet = parseEthernet(frame, 0, frame.length)!;
  writeEthernetHeader(copy, 0, ethernet.destination, ethernet.source, ethernet.etherType);
  expect(copy.subarray(0, IP)).toEqual(frame.subarray(0, IP));
  if (ethernet.etherType === EtherType.arp) return;
  const header = parseIpv4(frame, IP, frame.length)!;
  writeIpv4Header(copy, IP, header);
  expect(copy.subarray(IP, IP + 20)).toEqual(frame.subarray(IP, IP + 20));
  expect(header.totalLengthBytes).toBe(frame.length - IP);
});

test('ARP', () => {
  const request = frameOf('arp request');
  expect(etherTypeOf(request, 0)).toBe(EtherType.arp);
  const message = parseArp(request, IP, request.length)!;
  expect(message.operation).toBe(1);
  expect(formatMac(message.senderMac)).toBe('02:42:a4:22:24:14');
  expect(formatIpv4Address(message.senderAddress)).toBe('172.17.0.1');
  expect(message.targetMac).toBe(0);
  expect(formatIpv4Address(message.targetAddress)).toBe('172.17.0.2');
  const reply = frameOf('arp reply');
  const copy = reply.slice();
  copy.fill(0, IP);
  writeArp(copy, IP, parseArp(reply, IP, reply.length)!);
  expect(copy).toEqual(reply);
});

test('ICMP', () => {
  const frame = frameOf('icmp echo request');
  const at = IP + headerBytesOf(frame, IP);
  expect(isIcmpChecksumRight(frame, at, frame.length - at)).toBe(true);
  expect([identifierOf(frame, at), sequenceNumberOf(frame, at)]).toEqual([0x5f, 0]);
  expect(encodeIcmp(parseIcmp(frame, at, frame.length)!)).toEqual(frame.subarray(at));
});

test('TCP: the options of Linux, in its order', () => {
  const syn = frameOf('tcp syn (checksum left to the device)');
  const header = parseTcp(syn, 34, syn.length)!;
  expect(header).toEqual({
    sourcePort: 48682,
    destinationPort: 2377,
    sequence: header.sequence,
    acknowledgement: 0,
    flags: TcpFlag.syn,
    window: 64240,
    urgentPointer: 0,
    options: {
      maximumSegmentBytes: 1460,
      windowScale: 10,
      sackPermitted: true,
      timestampValue: 3380074714,
      timestampEcho: 0,
      sackEdges: undefined,
    },
  });
  for (const [title, frame] of allFrames()) {
    if (!title.startsWith('tcp')) continue;
    const copy = frame.slice();
    copy.fill(0, 34);
    const headerBytes = writeTcpHeader(copy, 34, parseTcp(frame, 34, frame.length)!);
    expect(headerBytes).toBe(frame.length - 34);
    copy.set(frame.subarray(50, 52), 50); // the checksum, which is left to finishTcpChecksum
    expect(copy).toEqual(frame);
  }
});

test('TCP: the checksum of a reset that the stack finished itself', () => {
  for (const title of ['tcp rst', 'tcp rst ack']) {
    const frame = frameOf(title);
    const [source, destination] = [sourceOf(frame, IP), destinationOf(frame, IP)];
    expect(isTcpChecksumRight(frame, 34, 20, source, destination)).toBe(true);
    expect(checksumOf(frame, 34)).not.toBe(0);
    frame[45]! ^= 1;
    expect(isTcpChecksumRight(frame, 34, 20, source, destination)).toBe(false);
  }
});

test('VXLAN around the last fragment of an echo', () => {
  const frame = frameOf('vxlan with fragment 2 of 2');
  const udp = parseUdp(frame, 34, frame.length)!;
  expect(udp.destinationPort).toBe(VXLAN_PORT);
  // the device would finish it: so far it is the folded sum of the pseudo header
  const pseudo = pseudoHeaderSum(
    sourceOf(frame, IP),
    destinationOf(frame, IP),
    17,
    udp.lengthBytes,
  );
  expect(udp.checksum).toBe(~foldChecksum(pseudo) & 0xffff);
  const vxlanAt = 34 + UDP_HEADER_BYTES;
  const vni = parseVxlan(frame, vxlanAt, frame.length)!;
  expect(vni).toBeGreaterThanOrEqual(4096);
  const header = new Uint8Array(VXLAN_HEADER_BYTES);
  writeVxlanHeader(header, 0, vni);
  expect(header).toEqual(frame.subarray(vxlanAt, vxlanAt + VXLAN_HEADER_BYTES));
  const inner = vxlanAt + VXLAN_HEADER_BYTES + ETHERNET_HEADER_BYTES;
  expect(isValidIpv4Header(frame, inner, frame.length)).toBe(true);
  expect(isFragment(frame, inner)).toBe(true);
  expect(hasMoreFragments(frame, inner)).toBe(false);
  expect(fragmentOffsetBytesOf(frame, inner)).toBe(1328);
  expect(protocolOf(frame, inner)).toBe(1);
  expect(totalLengthOf(frame, inner)).toBe(frame.length - inner);
});

test('DNS: the embedded server does not compress its own answers, forwarded ones it does', () => {
  for (const [title, frame] of allFrames()) {
    if (!title.startsWith('dns')) continue;
    const message = parseDns(frame, 42, frame.length)!;
    const isForwarded = title === 'dns response forwarded';
    expect(encodeDns(message, isForwarded), title).toEqual(frame.subarray(42));
  }
  const response = frameOf('dns response a');
  expect(parseDns(response, 42, response.length)!.answers).toEqual([
    {
      name: 'c3.',
      type: 1,
      class: 1,
      ttlSeconds: 600,
      data: { kind: 'ipv4', address: 0x0a0000fe },
    },
  ]);
});
