/**
 * What `--pcap` writes, read by tshark: it finds the protocols that a real capture of a swarm has,
 * nothing malformed, and no wrong checksum. Without tshark these tests are reported as skipped.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Captures } from '../bin/captures.ts';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import { SECOND_NS } from '../sim/time.ts';
import { loadLibrary } from './support/runs.ts';

const hasTshark = spawnSync('tshark', ['--version']).status === 0;
const NODES = ['manager-1', 'worker-1', 'worker-2', 'worker-3', 'worker-4', 'outside'];
const CHECKSUMS = ['ip', 'tcp', 'udp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`]);

describe.skipIf(!hasTshark)('captures of the crash (need tshark)', () => {
  const directory = mkdtempSync(join(tmpdir(), 'swarmlab-pcap-'));

  beforeAll(() => {
    const captures = new Captures();
    const loaded = loadLibrary('voting-app-worker-crash');
    const onCluster = captures.attach.bind(captures);
    runScenario(loaded, { seed: '1', untilNs: 37 * SECOND_NS, onCluster });
    captures.write(directory);
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  /** The fields of the frames that a filter lets through, one line per frame. */
  function fields(node: string, filter: string, ...names: string[]): string[] {
    const file = join(directory, `${node}.pcapng`);
    const words = ['-r', file, '-Y', filter, '-T', 'fields', ...names.flatMap((n) => ['-e', n])];
    const output = execFileSync('tshark', [...CHECKSUMS, ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 28,
    });
    return output.split('\n').filter((line) => line !== '');
  }

  test.each(NODES)('%s: nothing malformed, no wrong checksum', (node) => {
    const wrong = [
      '_ws.malformed',
      'ip.checksum.status == "Bad"',
      'tcp.checksum.status == "Bad"',
      'udp.checksum.status == "Bad"',
      'icmp.checksum.status == "Bad"',
    ].join(' || ');
    expect(fields(node, wrong, 'frame.number', '_ws.col.Info')).toEqual([]);
  });

  test('VXLAN carries TCP of the ingress network and of both overlays', () => {
    const lines = fields('manager-1', 'vxlan && tcp', 'vxlan.vni');
    expect([...new Set(lines)].sort()).toEqual(['4096', '4097', '4098']);
  });

  test('a request goes in by the published port and on to port 5000 of a task', () => {
    const outside = fields('outside', 'http.request', 'http.request.method', 'tcp.dstport');
    expect(outside.length).toBeGreaterThan(1000);
    expect([...new Set(outside)]).toEqual(['GET\t5000']);
    const inside = fields('manager-1', 'vxlan.vni == 4096 && http.request', 'ip.dst');
    const targets = new Set(inside.map((line) => line.split(',')[1]));
    expect([...targets].every((address) => address?.startsWith('10.0.0.'))).toBe(true);
    expect(targets.size).toBeGreaterThan(2);
  });

  test('gossip is on port 7946, until the crash and not after', () => {
    const ofWorker2 = fields('worker-2', 'udp.port == 7946', 'frame.time_relative');
    expect(ofWorker2.length).toBeGreaterThan(100);
    expect(Number(ofWorker2.at(-1))).toBeLessThanOrEqual(30);
    const ofManager = fields('manager-1', 'udp.port == 7946 && ip.dst == 192.168.56.103', 'frame');
    expect(ofManager.length).toBeGreaterThan(20);
  });

  test('the outer port of a flow is one, and outer packets have TTL 64 and no DF', () => {
    const lines = fields('worker-1', 'vxlan', 'ip.ttl', 'ip.flags.df', 'udp.dstport');
    const outer = new Set(
      lines.map((line) =>
        line
          .split('\t')
          .map((field) => field.split(',')[0])
          .join(' '),
      ),
    );
    expect([...outer]).toEqual(['64 0 4789']);
  });
});
