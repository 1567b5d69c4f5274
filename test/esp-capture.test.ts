/**
 * An encrypted overlay's captures, read by tshark: ESP and nothing else without the keys, and with
 * them the VXLAN frames inside. Without tshark these tests are reported as skipped.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Captures } from '../bin/captures.ts';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import { loadInline } from './support/runs.ts';

const hasTshark = spawnSync('tshark', ['--version']).status === 0;

const CHECKSUMS = ['ip', 'tcp', 'udp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`]);

const STACK = `
services:
  web:
    image: nginx
    networks: [secret]
    deploy: { placement: { constraints: [node.hostname == worker-1] } }
  client:
    image: shop/client
    networks: [secret]
    deploy: { placement: { constraints: [node.hostname == worker-2] } }
networks:
  secret: { driver_opts: { encrypted: "" } }
`;

const UNDERLAYS = ['none', 'advertised'] as const;

describe.skipIf(!hasTshark).each(UNDERLAYS)(
  'an encrypted overlay, IPv6 %s (needs tshark)',
  (ipv6) => {
    /** Where `esp_sa` is a table of Wireshark's, because it is taken for its settings, too. */
    const directory = mkdtempSync(join(tmpdir(), 'swarmlab-esp-'));
    let answeredCount = 0;

    beforeAll(() => {
      const scenario = {
        name: 'secret',
        cluster: { docker: '28', workers: 2, ipv6 },
        stack: 'secret.compose.yaml',
        traffic: [{ name: 'ask', from: 'client', to: 'http://web/', rate: '5/s' as const }],
        until: '12s' as const,
      };
      const captures = new Captures();
      const onCluster = captures.attach.bind(captures);
      const loaded = loadInline(scenario, { 'secret.compose.yaml': STACK });
      const { result } = runScenario(loaded, { seed: '1', onCluster });
      answeredCount = result.measures['traffic.ask.ok']!.value!;
      captures.write(directory);
    });

    afterAll(() => rmSync(directory, { recursive: true }));

    /** The fields of worker-1's frames; the keys are in a profile of their own. */
    function fields(hasKeys: boolean, filter: string, ...names: string[]): string[] {
      const wanted = ['-Y', filter, '-T', 'fields', ...names.flatMap((name) => ['-e', name])];
      const decode = hasKeys ? ['-o', 'esp.enable_encryption_decode:TRUE'] : [];
      const file = join(directory, 'worker-1.pcapng');
      const output = execFileSync('tshark', [...CHECKSUMS, '-r', file, ...decode, ...wanted], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        env: { ...process.env, WIRESHARK_CONFIG_DIR: directory },
        maxBuffer: 1 << 28,
      });
      return output.split('\n').filter((line) => line !== '');
    }

    test('without the keys there is ESP between the workers, and no VXLAN of the network', () => {
      expect(fields(false, 'vxlan.vni == 4097', 'frame.number')).toEqual([]);
      expect(new Set(fields(false, 'esp', 'esp.spi')).size).toBe(2);
    });

    test('with the keys every packet opens, and inside are the requests and their answers', () => {
      const sealed = fields(false, 'esp', 'frame.number');
      expect(sealed.length).toBeGreaterThan(250);
      expect(fields(true, 'esp && vxlan.vni == 4097', 'frame.number')).toEqual(sealed);
      expect(fields(true, 'esp && http.request', 'http.request.method')).toHaveLength(
        answeredCount,
      );
      expect(fields(true, 'esp && http.response.code == 200', 'frame')).toHaveLength(answeredCount);
      const wrong = '_ws.malformed || ip.checksum.status == "Bad" || tcp.checksum.status == "Bad"';
      expect(fields(true, wrong, 'frame.number')).toEqual([]);
    });
  },
);
