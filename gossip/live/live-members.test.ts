import { expect, test } from 'vitest';
import type { Observation, ObservationKind } from '../../sim/observations.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import {
  DOCKER_VSN,
  MessageType,
  NodeState,
  type PacketMessage,
} from '../../wire/memberlist/message.ts';
import { LAN } from '../constants.ts';
import { Observed } from '../observed.ts';
import type { LiveAddress, LiveMember, LiveTransport } from './live-member.ts';
import { LiveMembers } from './live-members.ts';
import { encodeLeaveIntent, SERF_VSN } from './serf-intent.ts';

const LATENCY_NS = MILLISECOND_NS / 2;

/** Live members over a network in memory, and what is heard of them. */
class Cluster {
  readonly world: World;
  readonly live: LiveMembers;
  readonly packets: { from: string; to: number; messages: readonly PacketMessage[] }[] = [];
  /** Stops packets, not streams. */
  isCut: (from: LiveMember, to: LiveMember) => boolean = () => false;
  readonly #heard: Observation[] = [];

  constructor(count: number, isSerf = false, vsnOf: (i: number) => Uint8Array = () => DOCKER_VSN) {
    this.world = new World('live');
    this.live = new LiveMembers(this.world, this.#transport(), isSerf);
    for (let i = 0; i < count; i++) {
      const meta = new Uint8Array(0);
      const place = { address: 0x0a00_0001 + i, port: 7946 };
      this.live.add({ name: `node-${i}`, ...place, config: LAN, meta, vsn: vsnOf(i) });
    }
    for (const member of [...this.live.members]) this.live.start(member);
    this.world.observations.subscribe(undefined, (heard) => this.#heard.push(heard));
  }

  run(spanNs: number): void {
    this.world.queue.runUntil(this.world.nowNs + spanNs);
  }

  member(name: string): LiveMember {
    return this.live.memberOf(name)!;
  }

  /** Who observed that of the subject, and when. */
  heard(kind: ObservationKind, subject: string): Observation[] {
    return this.#heard.filter((one) => one.kind === kind && one.text === subject);
  }

  stateOf(observer: string, subject: string): NodeState | undefined {
    return this.member(observer).nodes.get(subject)?.state;
  }

  #transport(): LiveTransport {
    const at = (to: LiveAddress): LiveMember | undefined =>
      this.live.members.find((member) => member.isUp && member.address === to.address);
    const after = (handle: () => void): void => {
      this.world.queue.scheduleCallback(this.world.nowNs + LATENCY_NS, handle);
    };
    return {
      sendPacket: (from, to, messages) => {
        this.packets.push({ from: from.name, to: to.address, messages });
        const target = at(to);
        if (target === undefined || this.isCut(from, target)) return;
        after(() => this.live.receivePacket(target, messages, from));
      },
      exchange: (_from, to, request, _deadlineNs, onReply) => {
        after(() => {
          const target = at(to);
          if (target === undefined) return after(() => onReply('connection refused'));
          this.live.receiveStream(target, request, (reply) => after(() => onReply(reply)));
        });
      },
    };
  }
}

test('members that know each other find one that was killed, in the time of the formulas', () => {
  const cluster = new Cluster(10);
  cluster.live.establish();
  cluster.run(20 * SECOND_NS);
  expect(cluster.heard(Observed.suspect, 'node-3')).toEqual([]);
  cluster.live.crash(cluster.member('node-3'));
  cluster.run(12 * SECOND_NS);
  const suspects = cluster.heard(Observed.suspect, 'node-3');
  const dead = cluster.heard(Observed.dead, 'node-3');
  expect(dead).toHaveLength(9);
  const suspectedNs = dead[0]!.atNs - suspects[0]!.atNs;
  expect(suspectedNs).toBeGreaterThanOrEqual(4 * SECOND_NS);
  expect(suspectedNs).toBeLessThan(4.3 * SECOND_NS);
  for (const other of cluster.live.members) {
    if (other.name !== 'node-3') expect(cluster.heard(Observed.suspect, other.name)).toEqual([]);
  }
});

test('those that join one know each other, and one that starts again is alive once more', () => {
  const cluster = new Cluster(5);
  const errors: (string | undefined)[] = [];
  for (const member of cluster.live.members.slice(1)) {
    cluster.live.join(member, cluster.live.members[0]!, (error) => errors.push(error));
  }
  cluster.run(3 * SECOND_NS);
  expect(errors).toEqual([undefined, undefined, undefined, undefined]);
  expect(cluster.live.members.map((member) => member.list.length)).toEqual([5, 5, 5, 5, 5]);
  cluster.live.crash(cluster.member('node-4'));
  cluster.run(15 * SECOND_NS);
  expect(cluster.stateOf('node-1', 'node-4')).toBe(NodeState.dead);
  cluster.live.join(
    cluster.live.start(cluster.member('node-4')),
    cluster.member('node-0'),
    () => {},
  );
  cluster.run(2 * SECOND_NS);
  expect(cluster.stateOf('node-1', 'node-4')).toBe(NodeState.alive);
  expect(cluster.member('node-4').incarnation).toBe(2);
});

test('without UDP between two, helpers and TCP keep the suspicion away', () => {
  const cluster = new Cluster(5);
  cluster.live.establish();
  const pair = ['node-0', 'node-1'];
  cluster.isCut = (from, to) => pair.includes(from.name) && pair.includes(to.name);
  cluster.run(30 * SECOND_NS);
  const sent = new Set(cluster.packets.flatMap(({ messages }) => messages.map(({ type }) => type)));
  expect(sent).toContain(MessageType.indirectPing);
  expect(cluster.heard(Observed.suspect, 'node-1')).toEqual([]);
  expect(cluster.member('node-0').score).toBe(0);
});

test('a member that is accused refutes, and is trusted again', () => {
  const cluster = new Cluster(5);
  cluster.live.establish();
  cluster.run(5 * SECOND_NS);
  const accusation = { type: MessageType.suspect, node: 'node-2', from: 'node-0', incarnation: 1 };
  cluster.live.receivePacket(cluster.member('node-1'), [accusation], cluster.member('node-0'));
  expect(cluster.stateOf('node-1', 'node-2')).toBe(NodeState.suspect);
  cluster.run(3 * SECOND_NS);
  expect(cluster.heard(Observed.refute, 'node-2')).toHaveLength(1);
  expect(cluster.stateOf('node-1', 'node-2')).toBe(NodeState.alive);
  expect(cluster.member('node-1').nodes.get('node-2')!.incarnation).toBe(2);
});

test('one that leaves has left everywhere; to serf it says so before', () => {
  const cluster = new Cluster(4, true, () => SERF_VSN);
  cluster.live.establish();
  cluster.run(2 * SECOND_NS);
  let isDone = false;
  cluster.live.leave(cluster.member('node-2'), () => {
    isDone = true;
  });
  cluster.run(10 * SECOND_NS);
  expect(isDone).toBe(true);
  expect(cluster.heard(Observed.left, 'node-2')).toHaveLength(4);
  expect(cluster.heard(Observed.suspect, 'node-2')).toEqual([]);
  const said = cluster.packets.flatMap(({ messages }) => messages);
  const user = said.find((message) => message.type === MessageType.user);
  expect(user).toEqual({ type: MessageType.user, payload: encodeLeaveIntent('node-2', 1) });
  const relayers = cluster.packets.filter(({ messages }) => messages.includes(user!));
  expect(new Set(relayers.map(({ from }) => from)).size).toBe(4);
  expect(said.indexOf(user!)).toBeLessThan(
    said.findIndex((message) => message.type === MessageType.dead),
  );
});

test('the intent to leave is what serf writes', () => {
  const text = Buffer.from(encodeLeaveIntent('ab', 3)).toString('hex');
  expect(text).toBe(`0083a5${hex('LTime')}03a4${hex('Node')}a2${hex('ab')}a5${hex('Prune')}c2`);
});

test('peers whose delegates do not understand each other do not merge', () => {
  const cluster = new Cluster(2, false, (i) => (i === 0 ? SERF_VSN : DOCKER_VSN));
  const errors: (string | undefined)[] = [];
  cluster.live.join(cluster.member('node-1'), cluster.member('node-0'), (e) => errors.push(e));
  cluster.run(SECOND_NS);
  const text = "Node 'node-0' delegate protocol version (5) is incompatible: [2, 0]";
  expect(errors).toEqual([text]);
  expect(cluster.member('node-0').list).toHaveLength(1);
});

function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}
