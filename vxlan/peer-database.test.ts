/**
 * What packets meet after late, lost or reordered peer events: on host a, for the container 10.0.1.9
 * that is on b (192.168.1.2) or is said to be on another host (.3). The entries themselves are in the
 * transcripts beside this file.
 */
import { describe, expect, test } from 'vitest';
import { LEARNED_AGE_NS } from './forwarding-table.ts';
import type { ProgrammingGeneration } from './peer-programming.ts';
import { OverlayLab, peer } from './testing/overlay-lab.ts';

const GENERATIONS: readonly ProgrammingGeneration[] = [1, 2, 3];
const MAC = 0x0242_0a00_0109;
const onB = peer('task-1', '10.0.1.9', '192.168.1.2');
const moved = peer('task-2', '10.0.1.9', '192.168.1.3');

const NEIGHBOUR = '10.0.1.9 02:42:0a:00:01:09';
const toB = '02:42:0a:00:01:09 192.168.1.2';

describe.each(GENERATIONS)('generation %i', (generation) => {
  const start = () => {
    const lab = new OverlayLab({}, generation);
    const c1 = lab.a.container('c1', '10.0.1.3');
    return { lab, c1, overlay: lab.a.overlay, warnings: lab.a.warnings };
  };

  test('DELETE is lost: the entries stay and point to the old host', () => {
    const { lab, c1, overlay } = start();
    overlay.addPeer(onB);
    overlay.addPeer(moved);
    const { lines, way } = lab.ping(c1, '10.0.1.9');
    expect(lines).toEqual([]);
    expect(way.at(-1)).toBe('b drop socket UDP port is closed');
  });

  test('CREATE has not come: no answer to ARP here, but a flow from there is answered', () => {
    const { lab, c1 } = start();
    const c3 = lab.b.container('c3', '10.0.1.9');
    lab.b.overlay.addPeer(peer('c1', '10.0.1.3', '192.168.1.1'));
    expect(lab.ping(c1, '10.0.1.9').lines).toEqual([
      'From 10.0.1.3 icmp_seq=1 Destination Host Unreachable',
    ]);
    // the request is let in and its sender learned; the reply still needs ARP
    expect(lab.ping(c3, '10.0.1.3').lines).toEqual([]);
    expect(lab.a.kernel()).toEqual([`${toB}?`]);
  });

  test('what the bridge has learned of a peer goes with it', () => {
    const { lab, c1, overlay } = start();
    lab.b.container('task-1', '10.0.1.9');
    lab.introduce();
    expect(lab.ping(c1, '10.0.1.9').lines).toHaveLength(1);
    const { bridge } = overlay.vxlan!.bridgePort!;
    expect(bridge.fdb.find(MAC, lab.world.nowNs)).toBeDefined();
    overlay.removePeer(onB);
    expect(bridge.fdb.find(MAC, lab.world.nowNs)).toBeUndefined();
  });

  test('a node flaps while its container sends', () => {
    const { lab, c1, overlay, warnings } = start();
    const c3 = lab.b.container('task-1', '10.0.1.9');
    lab.introduce();
    lab.ping(c1, '10.0.1.9');
    overlay.removePeer(onB);
    lab.ping(c3, '10.0.1.3');
    expect(lab.a.kernel()).toEqual([`${toB}?`]);
    const failure = overlay.addPeer(onB);
    if (generation !== 2) {
      expect(failure).toBeUndefined();
      expect(lab.a.kernel()).toEqual([NEIGHBOUR, toB]);
      return;
    }
    // create-only: the learned entry is in the way, and it does not last
    expect(failure).toBe(
      'peer add operation failed: could not add fdb entry into the sandbox: neighbor entry already ' +
        'exists for IP 192.168.1.2, mac 02:42:0a:00:01:09, link vxlan0',
    );
    expect(warnings).toContain(failure);
    expect(lab.a.kernel()).toEqual([NEIGHBOUR, `${toB}?`]);
    expect(lab.ping(c1, '10.0.1.9').lines).toHaveLength(1);
    lab.run(LEARNED_AGE_NS / 1e9 + 1);
    expect(lab.a.kernel()).toEqual([NEIGHBOUR]);
    expect(lab.ping(c1, '10.0.1.9').lines).toEqual([]);
  });
});

test('generation 3 replaces a neighbour entry that no claim accounts for', () => {
  for (const generation of GENERATIONS) {
    const lab = new OverlayLab({}, generation);
    lab.a.container('c1', '10.0.1.3');
    const vxlan = lab.a.overlay.vxlan!;
    vxlan.namespace.neighbours.setPermanent(vxlan, onB.address, 1);
    const failure = lab.a.overlay.addPeer(onB);
    expect(failure === undefined).toBe(generation !== 2);
    expect(lab.a.kernel().includes(toB)).toBe(generation !== 2);
  }
});

test('two addresses behind one MAC address share a forwarding entry from 29 on', () => {
  const alias = { ...onB, endpointId: 'task-1b', address: onB.address + 1 };
  for (const generation of GENERATIONS) {
    const lab = new OverlayLab({}, generation);
    lab.a.container('c1', '10.0.1.3');
    const { overlay } = lab.a;
    overlay.addPeer(onB);
    overlay.addPeer(alias);
    overlay.removePeer(alias);
    expect(lab.a.kernel()).toEqual(generation === 1 ? [NEIGHBOUR] : [NEIGHBOUR, toB]);
  }
});
