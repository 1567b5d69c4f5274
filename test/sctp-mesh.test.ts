/**
 * SCTP through a whole swarm: a published port in ingress and in host mode, a virtual address, over
 * VXLAN and back; what the tools on the nodes say of it, and that tshark finds nothing wrong.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Captures } from '../bin/captures.ts';
import type { RunResult } from '../scenarios/result.ts';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import { loadInline } from './support/runs.ts';

const hasTshark = spawnSync('tshark', ['--version']).status === 0;

const STACK = `
services:
  relay:
    image: shop/diameter-relay
    ports:
      - { target: 3868, published: 3868, protocol: sctp }
    networks: [signalling]
    deploy: { replicas: 3, placement: { constraints: [node.role == worker] } }
  probe:
    image: shop/probe
    ports:
      - { target: 3868, published: 3869, protocol: sctp, mode: host }
    networks: [signalling]
    deploy: { placement: { constraints: [node.hostname == worker-1] } }
networks:
  signalling:
`;

describe('SCTP through the mesh', () => {
  const directory = mkdtempSync(join(tmpdir(), 'swarmlab-sctp-'));
  let result: RunResult;

  beforeAll(() => {
    const exec = (run: string, netns: string) => ({ on: 'manager-1', netns, run });
    const captures = new Captures();
    const loaded = loadInline(
      {
        name: 'signalling',
        cluster: { docker: '20.10', workers: 3 },
        stack: 'signalling.compose.yaml',
        traffic: [
          { name: 'outside', to: 'sctp://manager-1:3868', rate: '10/s' },
          { name: 'host', to: 'sctp://worker-1:3869', rate: '5/s' },
          { name: 'inside', from: 'probe', to: 'sctp://relay:3868', rate: '10/s' },
        ],
        timeline: [
          {
            at: '24s',
            as: 'rules',
            exec: { on: 'manager-1', run: 'iptables -t nat -S DOCKER-INGRESS' },
          },
          { at: '24s', as: 'ipvs', exec: exec('ipvsadm -Lnc', 'ingress_sbox') },
          { at: '24s', as: 'conntrack', exec: exec('conntrack -L -p sctp', 'ingress_sbox') },
          { at: '24s', as: 'sockets', exec: { on: 'relay', run: 'ss -San' } },
          { at: '24s', as: 'held', exec: { on: 'manager-1', run: 'ss -Sln' } },
        ],
        until: '30s',
      },
      { 'signalling.compose.yaml': STACK },
    );
    const onCluster = captures.attach.bind(captures);
    ({ result } = runScenario(loaded, { seed: '1', onCluster }));
    captures.write(directory);
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  const textOf = (name: string) => result.commands.find((c) => c.name === name)?.output ?? '';

  test('every request is answered, by whichever way it comes', () => {
    for (const name of ['outside', 'host', 'inside']) {
      expect([name, result.measures[`traffic.${name}.sent`]!.value]).toEqual([
        name,
        result.measures[`traffic.${name}.ok`]!.value,
      ]);
      expect(result.measures[`traffic.${name}.ok`]!.value).toBeGreaterThan(40);
    }
  });

  test('the nodes have the rules, connections and sockets of SCTP', () => {
    expect(textOf('rules')).toContain('-p sctp -m sctp --dport 3868 -j DNAT --to-destination');
    expect(textOf('ipvs')).toMatch(
      /SCTP 0[01]:\d\d {2}CLOSED +\S+ +172\.\S+:3868 +10\.0\.0\.\d+:3868/,
    );
    expect(textOf('conntrack')).toMatch(
      /^sctp +132 \d+ CLOSED src=\S+ dst=172\S+ sport=\d+ dport=3868 /m,
    );
    expect(textOf('sockets')).toMatch(/^LISTEN 0 +128 +0\.0\.0\.0:3868 +0\.0\.0\.0:\*/m);
    expect(textOf('held')).toMatch(/0\.0\.0\.0:3868 .*dockerd/);
  });

  describe.skipIf(!hasTshark)('in captures (need tshark)', () => {
    /** The fields of a node's frames, one line per frame. */
    function fields(node: string, filter: string, ...names: string[]): string[] {
      const file = join(directory, `${node}.pcapng`);
      const wanted = ['-Y', filter, '-T', 'fields', ...names.flatMap((name) => ['-e', name])];
      const checks = ['-o', 'sctp.checksum:TRUE', '-o', 'ip.check_checksum:TRUE'];
      const output = execFileSync('tshark', ['-r', file, ...checks, ...wanted], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        maxBuffer: 1 << 28,
      });
      return output.split('\n').filter((line) => line !== '');
    }

    test.each(['outside', 'manager-1', 'worker-1', 'worker-2'])('%s: nothing wrong', (node) => {
      const wrong = '_ws.malformed || sctp.checksum.status == "Bad" || ip.checksum.status == "Bad"';
      expect(fields(node, wrong, 'frame.number', '_ws.col.Info')).toEqual([]);
    });

    test('chunks of a whole association, over VXLAN too', () => {
      const types = (node: string, filter: string) =>
        new Set(fields(node, filter, 'sctp.chunk_type').flatMap((line) => line.split(',')));
      const whole = new Set(['0', '1', '2', '3', '7', '8', '10', '11', '14']);
      expect(types('outside', 'sctp.port == 3868')).toEqual(whole);
      expect(types('worker-2', 'vxlan && sctp.port == 3868')).toEqual(whole);
    });
  });
});
