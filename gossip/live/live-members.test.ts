import { expect, test } from 'vitest';
import type { Observation, ObservationKind } from '../../sim/observations.ts';
import { HOUR_NS, MILLISECOND_NS, MINUTE_NS, SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import { decodeMessage } from '../../wire/memberlist/decode.ts';
import { encodeMessage, encodeStreamMessage } from '../../wire/memberlist/encode.ts';
import {
  DOCKER_VSN,
  MessageType,
  NodeState,
  type PacketMessage,
  type PushPull,
  type StreamMessage,
} from '../../wire/memberlist/message.ts';
import { STREAM_LIMITS } from '../../wire/memberlist/stream.ts';
import { StreamReader } from '../../wire/memberlist/stream-reader.ts';
import {
  decodeIntent,
  decodeSerfPushPull,
  encodeIntent,
  encodeUserEvent,
  SerfStatus,
  SerfType,
} from '../../wire/serf/message.ts';
import { encodeQueryResponse } from '../../wire/serf/query.ts';
import { encodeTags } from '../../wire/serf/tags.ts';
import { LAN, type SwimConfig } from '../constants.ts';
import { Observed } from '../observed.ts';
import {
  type LiveAddress,
  type LiveMember,
  type LiveTransport,
  type PeerKind,
  wireAddressOf,
} from './live-member.ts';
import { LiveMembers } from './live-members.ts';
import { PEERS_MAX } from './name-table.ts';
import { SERF_VSN } from './peer-kind.ts';
import type { Answers } from './serf/asking.ts';
import { GONE_MAX } from './serf/gone.ts';
import { SERF_EVENT_HEARD } from './serf/user-events.ts';

const LATENCY_NS = MILLISECOND_NS / 2;
const NO_TAGS = encodeTags(new Map());
const NO_BYTES = new Uint8Array(0);
const STRANGER = { address: 0x0a00_ff01, port: 7946 };

/** A message as its receiver reads it. */
function carried(message: PacketMessage): PacketMessage {
  const bytes = encodeMessage(message);
  return decodeMessage(bytes, 0, bytes.length) as PacketMessage;
}

function carriedStream(message: StreamMessage, isReply: boolean): StreamMessage {
  const receiver = { keyring: undefined, label: '', verifyIncoming: true, limits: STREAM_LIMITS };
  const result = new StreamReader({ ...receiver, isReply }).push(encodeStreamMessage(message));
  return (result as { message: StreamMessage }).message;
}

/** Live members over a network in memory, and what is heard of them. */
class Cluster {
  readonly world: World;
  readonly live: LiveMembers;
  readonly packets: {
    from: string;
    to: LiveAddress['address'];
    messages: readonly PacketMessage[];
  }[] = [];
  /** Stops packets, not streams. */
  isCut: (from: LiveMember, to: LiveMember) => boolean = () => false;
  /** Nothing reaches it. */
  unreachable: LiveMember | undefined;
  readonly #heard: Observation[] = [];

  constructor(count: number, peers: PeerKind = 'memberlist', config: SwimConfig = LAN) {
    this.world = new World('live');
    this.live = new LiveMembers(this.world, this.#transport(), peers);
    for (let i = 0; i < count; i++) {
      const place = { address: 0x0a00_0001 + i, port: 7946 };
      this.live.add({ name: `node-${i}`, ...place, config, keyring: undefined });
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

  /** A user message from a stranger. */
  tell(name: string, payload: Uint8Array): void {
    const message = { type: MessageType.user, payload: payload.slice() };
    this.live.receivePacket(this.member(name), [message], STRANGER);
  }

  /** All user messages that were sent. */
  users(): { from: string; payload: Uint8Array }[] {
    return this.packets.flatMap(({ from, messages }) =>
      messages.flatMap((message) =>
        message.type === MessageType.user ? [{ from, payload: message.payload }] : [],
      ),
    );
  }

  stateOf(observer: string, subject: string): NodeState | undefined {
    return this.member(observer).nodes.get(subject)?.state;
  }

  #transport(): LiveTransport {
    const at = (to: LiveAddress): LiveMember | undefined =>
      this.live.members.find(
        (member) => member.isUp && member.address === to.address && member !== this.unreachable,
      );
    const after = (handle: () => void): void => {
      this.world.queue.scheduleCallback(this.world.nowNs + LATENCY_NS, handle);
    };
    return {
      sendPacket: (from, to, messages) => {
        this.packets.push({ from: from.name, to: to.address, messages });
        const target = at(to);
        if (target === undefined || this.isCut(from, target)) return;
        after(() => this.live.receivePacket(target, messages.map(carried), from));
      },
      exchange: (_from, to, request, _deadlineNs, onReply) => {
        after(() => {
          const target = at(to);
          if (target === undefined) return after(() => onReply('connection refused'));
          this.live.receiveStream(target, carriedStream(request, false), (reply) => {
            after(() => onReply(carriedStream(reply, true)));
          });
        });
      },
    };
  }
}

test('an empty meta is empty in what its member says of itself, and nil in what others say', () => {
  const cluster = new Cluster(3);
  for (const name of ['node-1', 'node-2']) {
    cluster.live.join(cluster.member(name), cluster.member('node-0'), () => {});
  }
  cluster.run(5 * SECOND_NS);
  const metas = new Map<string, Set<number | undefined>>([
    ['own', new Set()],
    ['others', new Set()],
  ]);
  for (const { from, messages } of cluster.packets) {
    for (const message of messages) {
      if (message.type !== MessageType.alive) continue;
      metas.get(message.node === from ? 'own' : 'others')!.add(message.meta?.length);
    }
  }
  expect(Object.fromEntries(metas)).toEqual({ own: new Set([0]), others: new Set([undefined]) });
  cluster.live.establish();
  const held = cluster.member('node-1').list.map(({ name, meta }) => [name, meta?.length]);
  expect(Object.fromEntries(held)).toEqual({
    'node-0': undefined,
    'node-1': 0,
    'node-2': undefined,
  });
});

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

test('a push/pull with a state that does not exist says nothing of that node', () => {
  const cluster = new Cluster(3);
  cluster.live.establish();
  const { address, port, vsn } = cluster.member('node-2');
  const told = {
    name: 'node-2',
    addr: wireAddressOf(address),
    port,
    meta: undefined,
    vsn,
    incarnation: 1,
  };
  for (const state of [7, -1]) {
    const nodes = [{ ...told, state }];
    const userState = new Uint8Array(0);
    const request = { type: MessageType.pushPull, join: false, nodes, userState };
    cluster.live.receiveStream(cluster.member('node-0'), request, () => {});
  }
  expect(cluster.stateOf('node-0', 'node-2')).toBe(NodeState.alive);
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

test('where names are required, a ping without its sender is not answered, nor a bare address joined', () => {
  const cluster = new Cluster(2, 'memberlist', { ...LAN, requireNodeNames: true });
  const [first, second] = cluster.live.members as [LiveMember, LiveMember];
  const pingOf = (sourceNode: string): PacketMessage => ({
    ...{ type: MessageType.ping, seqNo: 7, node: 'node-0' },
    ...{ sourceAddr: STRANGER.address, sourcePort: STRANGER.port, sourceNode },
  });
  cluster.live.receivePacket(first, [pingOf('')], STRANGER);
  expect(cluster.packets).toEqual([]);
  cluster.live.receivePacket(first, [pingOf('stranger')], STRANGER);
  expect(cluster.packets.map(({ to }) => to)).toEqual([STRANGER.address]);
  const results: (string | undefined)[] = [];
  const { address, port } = first;
  cluster.live.join(second, { address, port }, (error) => results.push(error));
  cluster.live.join(second, { address, port, name: 'node-0' }, (error) => results.push(error));
  cluster.run(3 * SECOND_NS);
  expect(results).toEqual([expect.stringContaining('node names are required'), undefined]);
  expect(cluster.stateOf('node-0', 'node-1')).toBe(NodeState.alive);
});

test('what is not told is the own port, and no versions; with protocol 1 everybody has the own port', () => {
  const alive = (node: string, port: number): PacketMessage => ({
    ...{ type: MessageType.alive, node, incarnation: 1, port, meta: undefined, vsn: undefined },
    addr: STRANGER.address,
  });
  const { live } = new Cluster(1);
  const [member] = live.members as [LiveMember];
  live.receivePacket(member, [alive('untold', 0), alive('told', 7000)], STRANGER);
  const places = ['untold', 'told'].map((name) => member.nodes.get(name)!);
  expect(places.map(({ port }) => port)).toEqual([7946, 7000]);
  expect(places.map(({ vsn }) => [...vsn])).toEqual([Array(6).fill(0), Array(6).fill(0)]);
  const old = new Cluster(1, 'memberlist', { ...LAN, protocolVersion: 1 }).live;
  const [oldMember] = old.members as [LiveMember];
  old.receivePacket(oldMember, [alive('told', 7000)], STRANGER);
  expect(oldMember.nodes.get('told')!.port).toBe(7946);
});

test('one that leaves has left everywhere; to serf it says so before, and all pass it on', () => {
  const cluster = new Cluster(4, 'serf');
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
  const intents = cluster.users().filter(({ payload }) => payload[0] === SerfType.leave);
  expect(decodeIntent(intents[0]!.payload)).toMatchObject({ node: 'node-2', lamportTime: 1 });
  expect(new Set(intents.map(({ from }) => from)).size).toBe(4);
  const said = cluster.packets.flatMap(({ messages }) => messages);
  expect(said.findIndex(({ type }) => type === MessageType.user)).toBeLessThan(
    said.findIndex(({ type }) => type === MessageType.dead),
  );
  expect(cluster.member('node-1').nodes.get('node-2')!.serfStatus).toBe(SerfStatus.left);
});

test('members become what the first stranger is, and take nobody of another kind after that', () => {
  const cluster = new Cluster(2, 'auto');
  cluster.live.establish();
  const ask = (name: string, vsn: Uint8Array, meta: Uint8Array): PushPull => {
    const node = { name, addr: STRANGER.address, port: 7946, meta, vsn, incarnation: 1, state: 0 };
    const userState = new Uint8Array(0);
    const replies: StreamMessage[] = [];
    cluster.live.receiveStream(
      cluster.member('node-0'),
      { type: MessageType.pushPull, join: true, nodes: [node], userState },
      (reply) => replies.push(reply),
    );
    return replies[0] as PushPull;
  };
  const answer = ask('agent', SERF_VSN, encodeTags(new Map()));
  expect(answer.nodes.map(({ name, vsn }) => [name, vsn])).toEqual(
    expect.arrayContaining(['node-0', 'node-1'].map((name) => [name, SERF_VSN])),
  );
  expect(decodeSerfPushPull(answer.userState)!.statusTimes.size).toBe(2);
  ask('program', DOCKER_VSN, new Uint8Array(0));
  expect([...cluster.member('node-0').nodes.keys()]).toEqual(['node-0', 'node-1', 'agent']);
  expect(cluster.member('node-1').vsn).toBe(SERF_VSN);
});

test('a user event is heard once by each; old and repeated ones are not', () => {
  const cluster = new Cluster(5, 'serf');
  cluster.live.establish();
  const payload = new TextEncoder().encode('v1');
  expect(cluster.live.sendUserEvent(cluster.member('node-0'), 'deploy', payload)).toBeUndefined();
  cluster.run(5 * SECOND_NS);
  expect(cluster.heard(SERF_EVENT_HEARD, 'deploy v1')).toHaveLength(5);
  const again = encodeUserEvent({ lamportTime: 1, name: 'deploy', payload });
  const later = encodeUserEvent({ lamportTime: 2000, name: 'later', payload });
  const old = encodeUserEvent({ lamportTime: 1400, name: 'old', payload });
  for (const bytes of [again, later, old]) cluster.tell('node-1', bytes);
  cluster.run(5 * SECOND_NS);
  expect(cluster.heard(SERF_EVENT_HEARD, 'deploy v1')).toHaveLength(5);
  expect(cluster.heard(SERF_EVENT_HEARD, 'later v1')).toHaveLength(5);
  expect(cluster.heard(SERF_EVENT_HEARD, 'old v1')).toEqual([]);
  const long = new Uint8Array(513);
  expect(cluster.live.sendUserEvent(cluster.member('node-0'), '', long)).toContain('exceeds');
});

test('a forced leave makes a failed member one that left; one that runs says that it has not', () => {
  const cluster = new Cluster(3, 'serf');
  cluster.live.establish();
  cluster.live.crash(cluster.member('node-2'));
  cluster.run(15 * SECOND_NS);
  const statusOf = (name: string) => cluster.member('node-0').nodes.get(name)?.serfStatus;
  expect(statusOf('node-2')).toBe(SerfStatus.failed);
  const type = SerfType.leave;
  cluster.tell('node-0', encodeIntent({ type, lamportTime: 5, node: 'node-2' }));
  cluster.tell('node-0', encodeIntent({ type, lamportTime: 5, node: 'node-1' }));
  expect([statusOf('node-2'), statusOf('node-1')]).toEqual([SerfStatus.left, SerfStatus.leaving]);
  cluster.run(3 * SECOND_NS);
  expect(statusOf('node-1')).toBe(SerfStatus.alive);
});

test('a paused member is found dead, and is alive again some time after it goes on', () => {
  const cluster = new Cluster(5);
  cluster.live.establish();
  cluster.run(5 * SECOND_NS);
  const paused = cluster.member('node-1');
  cluster.live.pause(paused);
  cluster.unreachable = paused;
  cluster.run(20 * SECOND_NS);
  expect(cluster.stateOf('node-0', 'node-1')).toBe(NodeState.dead);
  cluster.unreachable = undefined;
  const sentBefore = cluster.packets.filter(({ from }) => from === 'node-1').length;
  cluster.live.resume(paused);
  const sentAtOnce = cluster.packets.filter(({ from }) => from === 'node-1').length - sentBefore;
  expect(sentAtOnce).toBeLessThan(10); // tickers do not make up for what they missed
  cluster.run(60 * SECOND_NS);
  expect(cluster.stateOf('node-0', 'node-1')).toBe(NodeState.alive);
  expect(cluster.stateOf('node-1', 'node-0')).toBe(NodeState.alive);
});

test('nothing that a stranger sends makes a member hold more than its bounds', () => {
  const cluster = new Cluster(2, 'serf');
  cluster.live.establish();
  const member = cluster.member('node-0');
  const receive = (message: PacketMessage): void => {
    cluster.live.receivePacket(member, [message], STRANGER);
  };
  const source = { sourceAddr: STRANGER.address, sourcePort: 7946, sourceNode: 'stranger' };
  const payload = new Uint8Array(500);
  const alive = { type: MessageType.alive, addr: STRANGER.address, port: 7946, incarnation: 1 };
  receive({ ...alive, node: 'n'.repeat(300), meta: undefined, vsn: SERF_VSN });
  receive({ ...alive, node: 'meta', meta: new Uint8Array(513), vsn: SERF_VSN });
  expect(member.nodes.size).toBe(2);
  for (let i = 0; i < PEERS_MAX + 200; i++) {
    receive({ ...alive, node: `stranger-${i}`, meta: undefined, vsn: SERF_VSN });
    receive({
      ...{ type: MessageType.indirectPing, seqNo: i, target: STRANGER.address, port: 1 },
      ...{ node: `stranger-${i}`, nack: true, ...source },
    });
    cluster.tell('node-0', encodeUserEvent({ lamportTime: i, name: `${i}`, payload }));
    cluster.tell('node-0', encodeIntent({ type: SerfType.leave, lamportTime: i, node: `x${i}` }));
    cluster.tell('node-0', payload.subarray(0, i % 500).fill(i));
  }
  expect(member.nodes.size).toBe(2 + PEERS_MAX);
  expect(member.ackHandlers.size).toBeLessThanOrEqual(1100);
  expect(cluster.live.counters.nodesRefused).toBeGreaterThan(100);
  expect(cluster.live.counters.userMessagesDropped).toBeGreaterThan(1000);
  expect(cluster.live.counters.badUserMessages).toBeGreaterThan(1000);
  // strangers that are dead are forgotten, and others have room
  for (let i = 0; i < PEERS_MAX; i++) {
    const [node, from] = [`stranger-${i}`, 'node-0'];
    receive({ type: MessageType.dead, node, from, incarnation: 1 });
  }
  cluster.run(60 * SECOND_NS);
  expect([...member.nodes.keys()]).toEqual(['node-0', 'node-1']);
  expect(member.gone.size).toBe(GONE_MAX);
  receive({ ...alive, node: 'late', meta: undefined, vsn: SERF_VSN });
  expect(member.nodes.has('late')).toBe(true);
});

test('a query is acknowledged and answered by all, and who asks waits its time for them', () => {
  const cluster = new Cluster(5, 'serf');
  cluster.live.establish();
  const text = (word: string): Uint8Array => new TextEncoder().encode(word);
  cluster.live.setAnswer('load', text('0.7'));
  const heard: Answers[] = [];
  const asker = cluster.member('node-1');
  const question = { name: 'load', payload: text('now') };
  expect(cluster.live.ask(asker, question, (answers) => heard.push(answers))).toBeUndefined();
  const response = { lamportTime: 1, id: 1, from: 'nobody', flags: 0, payload: text('99') };
  cluster.tell('node-1', encodeQueryResponse(response)); // to another query of that time
  cluster.run(3.1 * SECOND_NS); // 16 gossip intervals
  expect(heard).toEqual([]);
  cluster.run(0.2 * SECOND_NS);
  const names = ['node-0', 'node-1', 'node-2', 'node-3', 'node-4'];
  expect(heard.map(({ acks }) => [...acks].sort())).toEqual([names]);
  expect(new Map([...heard[0]!.responses].sort())).toEqual(
    new Map(names.map((name) => [name, text('0.7')])),
  );
  expect(cluster.live.ask(asker, { name: '_serf_x', payload: text('') }, () => {})).toContain(
    "cannot contain the '_serf_' prefix",
  );
});

test('a member whose name is taken asks who has it, and ends unless more than half say it does', () => {
  const cluster = new Cluster(5, 'serf');
  cluster.live.establish();
  const usurp = (name: string, at: string): void => {
    const elsewhere = { ...STRANGER, addr: STRANGER.address, meta: NO_TAGS, vsn: SERF_VSN };
    const alive = { type: MessageType.alive, node: name, incarnation: 9, ...elsewhere };
    cluster.live.receivePacket(cluster.member(at), [alive], STRANGER);
  };
  usurp('node-2', 'node-2');
  cluster.run(5 * SECOND_NS);
  expect(cluster.member('node-2').isUp).toBe(true);
  for (const at of ['node-0', 'node-1']) {
    const node = cluster.member(at).nodes.get('node-2')!;
    Object.assign(node, STRANGER); // as if it had come first to them
  }
  usurp('node-2', 'node-2'); // two of four others: no majority
  cluster.run(5 * SECOND_NS);
  expect(cluster.member('node-2').isUp).toBe(false);
});

test('serf remembers whom memberlist forgets: tries the failed, and knows the left', () => {
  const cluster = new Cluster(3, 'serf');
  cluster.live.establish();
  cluster.live.crash(cluster.member('node-2'));
  cluster.run(2 * MINUTE_NS);
  expect(cluster.stateOf('node-0', 'node-2')).toBeUndefined();
  const revived = cluster.live.start(cluster.member('node-2')); // and joins nobody
  cluster.run(3 * MINUTE_NS); // one of two alive tries, every 30 s
  expect(cluster.stateOf('node-0', 'node-2')).toBe(NodeState.alive);
  expect(revived.list).toHaveLength(3);
  cluster.live.leave(revived, () => {});
  cluster.run(2 * MINUTE_NS);
  expect(cluster.stateOf('node-0', 'node-2')).toBeUndefined();
  let told: StreamMessage | undefined;
  const request = { type: MessageType.pushPull, join: false, nodes: [], userState: NO_BYTES };
  cluster.live.receiveStream(cluster.member('node-0'), request, (reply) => (told = reply));
  expect(decodeSerfPushPull((told as PushPull).userState)!.leftMembers).toEqual(['node-2']);
  const { gone } = cluster.member('node-0');
  for (const node of gone.values()) node.changedAtNs -= 24 * HOUR_NS;
  cluster.run(30 * SECOND_NS);
  expect(gone.size).toBe(0);
});

test('push/pulls tell events that gossip has missed, and a newcomer takes those after it only', () => {
  const cluster = new Cluster(3, 'serf');
  const [first, second, third] = ['node-0', 'node-1', 'node-2'].map((name) => cluster.member(name));
  cluster.isCut = () => true;
  cluster.live.sendUserEvent(first!, 'early', NO_BYTES);
  cluster.live.join(second!, first!, () => {});
  cluster.run(5 * SECOND_NS);
  expect(cluster.heard(SERF_EVENT_HEARD, 'early').map(({ node }) => node)).toEqual([0]);
  cluster.live.sendUserEvent(first!, 'late', new TextEncoder().encode('news'));
  cluster.run(2 * MINUTE_NS); // periodic push/pulls
  expect(cluster.heard(SERF_EVENT_HEARD, 'late news').map(({ node }) => node)).toEqual([0, 1]);
  cluster.live.join(third!, second!, () => {});
  cluster.run(2 * MINUTE_NS);
  expect(cluster.heard(SERF_EVENT_HEARD, 'late news').map(({ node }) => node)).toEqual([0, 1]);
});
