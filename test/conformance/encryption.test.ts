/**
 * An encrypted overlay of the lab: associations and policies letter by letter with the lab's keys,
 * the rules of the host, and the frames of the pings that the lab sent.
 */
import { describe, expect, test } from 'vitest';
import { type EncryptionKey, KeySubsystem } from '../../manager/objects/cluster.ts';
import { HostCounters } from '../../net/host-counters.ts';
import { Namespace } from '../../net/namespace.ts';
import { xfrmPolicyText, xfrmStateText } from '../../net/show/xfrm.ts';
import { Xfrm } from '../../net/xfrm/xfrm.ts';
import { World } from '../../sim/world.ts';
import { type DataKey, OverlayEncryption } from '../../vxlan/encryption.ts';
import { type Ipv4Address, parseIpv4Address } from '../../wire/addresses.ts';
import { fromHex } from '../../wire/bytes.ts';
import { RealCase } from './fixtures.ts';
import { SwarmLab } from './swarm-lab.ts';

/** The lab's keys, primary first: read from its associations, tags found from its SPIs. */
const LAB_KEYS: readonly DataKey[] = [
  { key: fromHex('5db017140f4fbb5721ef9d85a7ee4887'), tag: 28_449 },
  { key: fromHex('1f0b4218ecd2bca56a2634288e6c6df2'), tag: 28_448 },
  { key: fromHex('a0dfce719dab4e64da132e588b57adda'), tag: 28_450 },
];

const ip = (text: string): Ipv4Address => parseIpv4Address(text)!;
const NODE1 = ip('192.168.56.101');
const NODE2 = ip('192.168.56.102');
const NODE3 = ip('192.168.56.103');

/** A host's IPsec as dockerd of a generation programs it. */
function encryptionOf(address: Ipv4Address, generation: 1 | 2 | 3, hasEsp = true) {
  const world = new World('encryption');
  const counters = new HostCounters(world);
  const namespace = new Namespace(world, { name: 'host', nodeIndex: 0, host: counters });
  const xfrm = new Xfrm(namespace, hasEsp);
  namespace.xfrm = xfrm;
  const warnings: string[] = [];
  const onWarning = (text: string) => warnings.push(text);
  const encryption = new OverlayEncryption({ xfrm, address, generation, onWarning });
  encryption.setKeys(LAB_KEYS);
  return { encryption, namespace, xfrm, warnings };
}

const withoutDates = (text: string) => text.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'date');

describe('V04: two nodes with a container each', () => {
  const real = new RealCase('V04-encrypted-overlay');

  test.each([
    [1, NODE1, NODE2],
    [2, NODE2, NODE1],
  ] as const)('associations and policy of node %i', (node, own, peer) => {
    const { encryption, namespace } = encryptionOf(own, 1);
    encryption.addPeer(peer);
    encryption.addPeer(peer);
    const statistics = { hasStatistics: true };
    const read = (file: string) => withoutDates(real.text(`node${node}/host/${file}`));
    expect(withoutDates(xfrmStateText(namespace, statistics))).toBe(read('xfrm_state.txt'));
    expect(withoutDates(xfrmPolicyText(namespace, statistics))).toBe(read('xfrm_policy.txt'));
  });
});

test('B07: a kernel without ESP takes the policies only, and dockerd complains', () => {
  const { encryption, namespace, warnings } = encryptionOf(NODE1, 1, false);
  encryption.setKeys(LAB_KEYS.map((key, i) => ({ ...key, tag: [54_809, 54_808, 54_810][i]! })));
  encryption.addPeer(NODE2);
  encryption.addPeer(NODE3);
  const real = new RealCase('B07-encrypted-overlay').text('node1/host/xfrm.txt');
  expect(`${xfrmStateText(namespace)}---POLICY\n${xfrmPolicyText(namespace)}`).toBe(real);
  expect(warnings).toHaveLength(8);
  expect(warnings[1]).toBe(
    'Failed Adding fSA{Dst: 192.168.56.102, Src: 192.168.56.101, SPI: 0x86e36175}: function not implemented',
  );
});

describe('rotation', () => {
  const fourth: DataKey = { key: fromHex('00112233445566778899aabbccddeeff'), tag: 28_451 };
  const rotation = { added: fourth, primaryTag: 28_450, prunedTag: 28_448 };
  /** `in 28449` for an association that opens with the key of this tag, `out …` for one that seals. */
  const told = (xfrm: Xfrm, own: Ipv4Address) => {
    const keys = [...LAB_KEYS, fourth];
    return xfrm.associations.map(({ destination, key }) => {
      const { tag } = keys.find((one) => one.key === key)!;
      return `${destination === own ? 'in' : 'out'} ${tag}`;
    });
  };

  test('the oldest key goes, the new one opens, the next one seals', () => {
    const { encryption, xfrm } = encryptionOf(NODE1, 1);
    encryption.addPeer(NODE2);
    expect(told(xfrm, NODE1)).toEqual(['in 28450', 'in 28448', 'out 28449', 'in 28449']);
    expect(encryption.updateKeys(rotation)).toBeUndefined();
    expect(told(xfrm, NODE1)).toEqual(['out 28450', 'in 28451', 'in 28450', 'in 28449']);
    const [policy] = xfrm.policies;
    expect(xfrm.associations[0]!.spi).toBe(policy!.spi);
    expect(encryption.updateKeys({ added: undefined, primaryTag: 28_450, prunedTag: 28_450 })).toBe(
      'attempting to both make a key (index 0) primary and delete it',
    );
    expect(encryption.updateKeys({ added: undefined, primaryTag: 1, prunedTag: undefined })).toBe(
      'cannot find proper key indices while processing key update: (newIdx,priIdx,delIdx):(-1, -1, -1)',
    );
  });

  test.each([
    [1, 4],
    [2, 0],
    [3, 0],
  ] as const)(
    'generation %i: %i associations are left when the last peer has gone',
    (generation, count) => {
      const { encryption, xfrm } = encryptionOf(NODE1, generation);
      encryption.addPeer(NODE2);
      encryption.addPeer(NODE2);
      encryption.removePeer(NODE2);
      expect(xfrm.associations).toHaveLength(4);
      encryption.removePeer(NODE2);
      expect(xfrm.associations).toHaveLength(count);
      expect(xfrm.policies).toHaveLength(count / 4);
    },
  );
});

test('keys rotate under a network; a daemon that slept through two rotations is deaf', () => {
  const lab = new SwarmLab();
  lab.createNetwork('secret1', { encrypted: '' });
  for (const node of [1, 2, 3]) lab.runContainer(`E${node}`, 'secret1', `node${node}`);
  const reaches = (from: number, to: number) =>
    lab.ping(from, `E${from}`, lab.addressOf(to, `E${to}`)).length === 1;
  const sealing = () => lab.namespace(1, 'host').xfrm!.policies.map(({ spi }) => spi);
  expect([reaches(1, 2), reaches(3, 1)]).toEqual([true, true]);
  let keys = lab.cluster.leader.store.view.cluster()!.networkBootstrapKeys;
  const rotate = (...nodes: number[]) => {
    keys = rotated(keys);
    for (const node of nodes) lab.node(node).executor!.setNetworkBootstrapKeys(keys);
  };
  const before = sealing();
  rotate(1, 2, 3);
  expect(sealing().some((spi) => before.includes(spi))).toBe(false);
  expect([reaches(1, 2), reaches(3, 1)]).toEqual([true, true]);
  rotate(1, 2);
  expect([reaches(1, 2), reaches(3, 1)]).toEqual([true, true]);
  rotate(1, 2, 3);
  // it still seals with a key that the others open with, and cannot open what they answer
  const { dropCounts } = lab.namespace(3, 'host');
  dropCounts.clear();
  expect([reaches(3, 1), reaches(1, 2)]).toEqual([false, true]);
  expect(dropCounts.get('no security association has the SPI')).toBe(1);
});

/** The oldest key of each subsystem goes, a new one comes. */
function rotated(keys: readonly EncryptionKey[]): EncryptionKey[] {
  let newest = Math.max(...keys.map(({ lamportTime }) => lamportTime));
  return Object.values(KeySubsystem).flatMap((subsystem) => {
    const own = keys.filter((key) => key.subsystem === subsystem);
    own.sort((a, b) => a.lamportTime - b.lamportTime);
    const key = (++newest).toString(16).padStart(32, '0');
    return [...own.slice(1), { subsystem, key, lamportTime: newest }];
  });
}
