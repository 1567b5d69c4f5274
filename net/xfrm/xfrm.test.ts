/**
 * What IPsec refuses, and how a host's operator sees it: `/proc/net/xfrm_stat`, `ip -s xfrm`, and what
 * becomes of the packet; over both versions of IP.
 */
import { describe, expect, test } from 'vitest';
import { formatIp, isIpv6Address } from '../../wire/ip-address.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import { procFile } from '../proc/files.ts';
import { xfrmPolicyText, xfrmStateText } from '../show/xfrm.ts';
import { ip, Lab } from '../testing/lab.ts';
import { type AssociationSpec, Xfrm } from './xfrm.ts';

const KEY = new Uint8Array(16).fill(7);
const MARK = 0xd0c4e3;
const PORT = 4789;

describe.each([
  ['10.0.0.1', '10.0.0.2', 24],
  ['fd00::1', 'fd00::2', 64],
])('%s to %s', (from, to, lengthBits) => {
  const [source, destination] = [ip(from), ip(to)];

  function start(changes: Partial<AssociationSpec> = {}, sends = true) {
    const lab = new Lab();
    const a = lab.namespace('a');
    const b = lab.namespace('b');
    lab.cable(a, 'eth0', `${from}/${lengthBits}`, b, 'eth0', `${to}/${lengthBits}`);
    const [out, back] = [new Xfrm(a), new Xfrm(b)];
    a.xfrm = out;
    b.xfrm = back;
    const common = { source, destination, spi: 0x11, key: KEY, salt: 0x11, requestId: MARK };
    const protocol = IpProtocol.udp;
    out.setPolicy({ ...common, protocol, destinationPort: PORT, mark: MARK });
    if (sends) out.addAssociation(common);
    back.addAssociation({ ...common, ...changes });
    const { tables } = isIpv6Address(source) ? a.ipv6 : a;
    tables.run(`-t mangle -A OUTPUT -p udp --dport ${PORT} -j MARK --set-mark ${MARK}`);
    const heard: number[] = [];
    b.sockets.openUdp({ onDatagram: (bytes) => heard.push(bytes.length) }).bind(PORT, destination);
    const send = () => a.sockets.openUdp().sendTo(new Uint8Array(100), destination, PORT);
    const stats = (host: typeof a) => {
      const lines = procFile(host, '/proc/net/xfrm_stat')!.split('\n');
      return lines.filter((line) => /\t[1-9]/.test(line)).map((line) => line.replace(/\s+/, ' '));
    };
    return { lab, a, b, heard, send, stats };
  }

  test('a packet is sealed, sent and opened, and both ends count it', () => {
    const { lab, a, b, heard, send, stats } = start();
    lab.run(5);
    send();
    lab.run(1);
    expect(heard).toEqual([100]);
    expect([stats(a), stats(b)]).toEqual([[], []]);
    const usage = '108(bytes), 1(packets)\n\t  add 1970-01-01 00:00:00 use 1970-01-01 00:00:05';
    expect(xfrmStateText(a, { hasStatistics: true })).toContain(usage);
    expect(xfrmStateText(b, { hasStatistics: true })).toContain(usage);
    expect(xfrmPolicyText(a, { hasStatistics: true })).toContain(
      '0(bytes), 0(packets)\n\t  add 1970-01-01 00:00:00 use 1970-01-01 00:00:05',
    );
    expect(xfrmPolicyText(a)).toContain(
      `tmpl src ${formatIp(source)} dst ${formatIp(destination)}`,
    );
  });

  test('a stale key has another SPI, which nobody knows', () => {
    const { lab, b, heard, send, stats } = start({ spi: 0x12 });
    send();
    lab.run(1);
    expect([heard, stats(b)]).toEqual([[], ['XfrmInNoStates 1']]);
    expect(b.dropCounts.get('no security association has the SPI')).toBe(1);
  });

  test('another key behind one SPI: the integrity value is wrong', () => {
    const { lab, b, heard, send, stats } = start({ key: new Uint8Array(16) });
    send();
    lab.run(1);
    expect([heard, stats(b)]).toEqual([[], ['XfrmInStateProtoError 1']]);
    expect(xfrmStateText(b, { hasStatistics: true })).toContain('replay 0 failed 1\n');
    expect(b.dropCounts.get('the integrity value of ESP is wrong')).toBe(1);
  });

  test('a policy without its association lets nothing out', () => {
    const { lab, a, heard, send, stats } = start({}, false);
    send();
    lab.run(1);
    expect([heard, stats(a)]).toEqual([[], ['XfrmOutNoStates 1']]);
  });
});

test('ESP that is cut short', () => {
  const lab = new Lab();
  const b = lab.namespace('b');
  b.xfrm = new Xfrm(b);
  lab.cable(lab.namespace('a'), 'eth0', '10.0.0.1/24', b, 'eth0', '10.0.0.2/24');
  const packet = lab.udp('10.0.0.1', '10.0.0.2', 9, { payloadBytes: 0 });
  packet.bytes[packet.start + 9] = IpProtocol.esp;
  packet.end = packet.start + 22;
  packet.inDevice = b.deviceByName('eth0');
  b.protocolHandlers.get(IpProtocol.esp)!(packet);
  expect(b.dropCounts.get('ESP header is cut short')).toBe(1);
  expect(procFile(b, '/proc/net/xfrm_stat')).toMatch(/^XfrmInHdrError {10}\t1$/m);
  expect(procFile(lab.namespace('c'), '/proc/net/xfrm_stat')).toMatch(/^XfrmAcquireError {8}\t0$/m);
});
