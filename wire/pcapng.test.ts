import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PacketDirection, PcapngWriter } from './pcapng.ts';
import { bytesOfHex, frameOf } from './testing/frames.ts';

test('the blocks, byte by byte', () => {
  const writer = new PcapngWriter('x');
  expect(writer.addInterface('eth0')).toBe(0);
  writer.addPacket(0, 0x1_0000_0002, Uint8Array.of(9, 1, 2, 3, 9), 1, 4, PacketDirection.outbound);
  expect(writer.finish()).toEqual(
    bytesOfHex(`
      0a0d0d0a 28000000 4d3c2b1a 0100 0000 ffffffffffffffff
        0400 0100 78000000 00000000 28000000
      01000000 28000000 0100 0000 00000000
        0200 0400 65746830 0900 0100 09000000 00000000 28000000
      06000000 30000000 00000000 01000000 02000000 03000000 03000000 01020300
        0200 0400 02000000 00000000 30000000`),
  );
});

test('taking bit by bit gives the same capture', () => {
  const build = (takes: boolean) => {
    const writer = new PcapngWriter();
    const parts = [takes ? [...writer.take()] : []];
    writer.addInterface('veth1a2b3c4', 'worker-1');
    if (takes) parts.push([...writer.take()]);
    writer.addPacket(0, 5, frameOf('arp request'), 0, 42, PacketDirection.inbound, 'dropped');
    parts.push([...writer.take()]);
    expect(writer.finish().length).toBe(0);
    expect(writer.packetCount).toBe(1);
    return parts.flat();
  };
  expect(build(true)).toEqual(build(false));
});

function hasTshark(): boolean {
  try {
    execFileSync('tshark', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test.runIf(hasTshark())('tshark reads interfaces, nanoseconds, directions and frames', () => {
  const writer = new PcapngWriter();
  const overlay = writer.addInterface('vxlan0', 'worker-1/1-abcdef');
  const underlay = writer.addInterface('eth0', 'worker-1');
  const request = frameOf('arp request');
  const query = frameOf('dns query ptr');
  writer.addPacket(underlay, 1_000_000_007, request, 0, request.length, PacketDirection.inbound);
  writer.addPacket(overlay, 3_600_123_456_789, query, 0, query.length, 0, 'explained here');
  const folder = mkdtempSync(join(tmpdir(), 'swarmlab-'));
  try {
    writeFileSync(join(folder, 'a.pcapng'), writer.finish());
    const fields = ['frame.interface_name', 'frame.time_epoch', 'frame.packet_flags_direction'];
    fields.push('frame.comment', '_ws.col.Info');
    const output = execFileSync(
      'tshark',
      ['-r', join(folder, 'a.pcapng'), '-T', 'fields', ...fields.flatMap((f) => ['-e', f])],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
    expect(output.trimEnd().split('\n')).toEqual([
      'eth0\t1.000000007\t0x00000001\t\tWho has 172.17.0.2? Tell 172.17.0.1',
      'vxlan0\t3600.123456789\t\texplained here\tStandard query 0x2f5e PTR 254.0.0.10.in-addr.arpa',
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
