/**
 * What a person or a script tells a live server, on its stdin or over its control socket: a table
 * of commands. Each answers with a text for people and the same as data for programs.
 */
import type { LiveMember, LiveNode } from '../../gossip/live/live-member.ts';
import { didYouMean } from '../../scenarios/language/issue.ts';
import { table } from '../../scenarios/report/style.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { formatHostPort } from '../../wire/host-address.ts';
import { decodeTags, encodeTags, TAG_MAGIC_BYTE } from '../../wire/serf/tags.ts';
import type { LiveServer } from './live-server.ts';

/** What came of a command. */
export interface LiveAnswer {
  readonly isDone: boolean;
  readonly text: string;
  /** The same for programs; JSON can hold it. */
  readonly data: unknown;
}

/** A command that a live server carries out. */
export interface LiveCommand {
  /** What follows the name, as help shows it. */
  readonly usage: string;
  readonly summary: string;
  /** Words after the name, for an example. */
  readonly example: string;
  run(server: LiveServer, words: readonly string[]): LiveAnswer | Promise<LiveAnswer>;
}

/** The commands by name. */
export const LIVE_COMMANDS: Readonly<Record<string, LiveCommand>> = {
  members: {
    usage: '[name]',
    summary: 'what that member, or the first that runs, holds of all',
    example: 'node-003',
    run: (server, [name]) => membersOf(server, name),
  },
  status: {
    usage: '',
    summary: 'how many members run, what they have sent and received, what it costs',
    example: '',
    run: statusOf,
  },
  kill: {
    usage: '<names...>',
    summary: "the members' processes end without a word",
    example: 'node-003 node-004',
    run: (server, names) =>
      forEach(server, names, (member) => {
        if (!member.isUp) return `${member.name} does not run`;
        server.crash(member);
        return done(`${member.name} was killed`);
      }),
  },
  leave: {
    usage: '<names...>',
    summary: 'the members leave gracefully',
    example: 'node-003',
    run: (server, names) => forEach(server, names, (member) => leave(server, member)),
  },
  start: {
    usage: '<names...>',
    summary: 'members that have ended start again and join',
    example: 'node-003',
    run: (server, names) => forEach(server, names, (member) => start(server, member)),
  },
  pause: {
    usage: '<names...>',
    summary: "the members' processes stand still, and their hosts go on",
    example: 'node-003',
    run: (server, names) =>
      forEach(server, names, (member) => {
        if (!member.isUp) return `${member.name} does not run`;
        if (member.heldTimers !== undefined) return `${member.name} is paused already`;
        server.pause(member);
        return done(`${member.name} is paused`);
      }),
  },
  resume: {
    usage: '<names...>',
    summary: 'paused members go on',
    example: 'node-003',
    run: (server, names) =>
      forEach(server, names, (member) => {
        if (member.heldTimers === undefined) return `${member.name} is not paused`;
        server.resume(member);
        return done(`${member.name} goes on`);
      }),
  },
  'update-meta': {
    usage: '<name> [words...]',
    summary: 'the member tells the others new tags (key=value), or another meta to memberlist',
    example: 'node-003 role=web zone=b',
    run: (server, [name = '', ...words]) =>
      forEach(server, [name], (member) => updateMeta(server, member, words)),
  },
  event: {
    usage: '<name> [payload]',
    summary: "the first member that runs makes a user event of serf's",
    example: 'deploy 1.2.3',
    run: sendEvent,
  },
  query: {
    usage: '<name> [payload]',
    summary: "the first member that runs asks all a query of serf's, and waits for the answers",
    example: 'load',
    run: sendQuery,
  },
  answer: {
    usage: '<query> [payload]',
    summary: "what all members answer to a query of serf's; nothing any more without a payload",
    example: 'load 0.7',
    run: setAnswer,
  },
  keys: {
    usage: '[verb] [key]',
    summary: 'list the keys that the members have, or install, use or remove one at all of them',
    example: 'install AAECAwQFBgcICQoLDA0ODw==',
    run: changeKeys,
  },
};

/** The word on stdin and over the socket that ends the server. */
export const QUIT = 'quit';

/** Carries out a command; an unknown one is answered with what may have been meant. */
export async function runLiveCommand(
  server: LiveServer,
  [name = '', ...words]: readonly string[],
): Promise<LiveAnswer> {
  const command = Object.hasOwn(LIVE_COMMANDS, name) ? LIVE_COMMANDS[name]! : undefined;
  if (command !== undefined) return command.run(server, words);
  if (name === 'help') return done(formatLiveHelp());
  const hint = didYouMean(name, [...Object.keys(LIVE_COMMANDS), 'help', QUIT]);
  return failed(`'${name}' is not a command; ${hint}`);
}

/** The commands, a line each. */
export function formatLiveHelp(): string {
  const rows = Object.entries(LIVE_COMMANDS).map(([name, { usage, summary }]) => [
    `  ${name} ${usage}`.trimEnd(),
    summary,
  ]);
  return table([...rows, [`  ${QUIT}`, 'end the server']], ['left', 'left']);
}

const STATES = ['alive', 'suspect', 'dead', 'left'];

function done(text: string, data: unknown = text): LiveAnswer {
  return { isDone: true, text, data };
}

function failed(text: string, data: unknown = text): LiveAnswer {
  return { isDone: false, text, data };
}

/** The same for each of the names; a text is what forbids it. */
async function forEach(
  server: LiveServer,
  names: readonly string[],
  change: (member: LiveMember) => LiveAnswer | string | Promise<LiveAnswer | string>,
): Promise<LiveAnswer> {
  const wanted = names.filter((name) => name !== '');
  if (wanted.length === 0) return failed('the name of a member is missing');
  const answers = await Promise.all(
    wanted.map(async (name) => {
      const member = server.live.memberOf(name);
      const answer = member === undefined ? unknownMember(server, name) : await change(member);
      return typeof answer === 'string' ? failed(answer) : answer;
    }),
  );
  return {
    isDone: answers.every(({ isDone }) => isDone),
    text: answers.map(({ text }) => text).join('\n'),
    data: answers.map(({ isDone, text }, i) => ({ member: wanted[i]!, isDone, text })),
  };
}

function unknownMember(server: LiveServer, name: string): LiveAnswer {
  const names = server.live.members.map((member) => member.name);
  return failed(`${name} is no member of this process; ${didYouMean(name, names)}`);
}

async function leave(server: LiveServer, member: LiveMember): Promise<LiveAnswer | string> {
  if (!member.isUp) return `${member.name} does not run`;
  if (member.hasLeft) return `${member.name} is leaving`;
  if (member.heldTimers !== undefined) return `${member.name} is paused`;
  await server.leave(member);
  return done(`${member.name} has left`);
}

async function start(server: LiveServer, member: LiveMember): Promise<LiveAnswer | string> {
  if (member.isUp) return `${member.name} runs already`;
  const { members } = server.live;
  const isSeed = (other: LiveMember): boolean =>
    other.isUp && !other.hasLeft && other.heldTimers === undefined;
  const error = await server.restart(member, members.find(isSeed) ?? member);
  return error === undefined
    ? done(`${member.name} joined`)
    : `${member.name} did not join: ${error}`;
}

function updateMeta(
  server: LiveServer,
  member: LiveMember,
  words: readonly string[],
): LiveAnswer | string {
  if (!member.isUp || member.hasLeft) return `${member.name} does not run`;
  const { peers } = server.live;
  const wrong = words.find((word) => !/^[^=]+=/.test(word));
  if (peers === 'serf' && wrong !== undefined) return `'${wrong}' is not a tag: key=value`;
  const hasTags = peers !== 'memberlist' && wrong === undefined;
  const pairs = words.map((word): [string, string] => {
    const at = word.indexOf('=');
    return [word.slice(0, at), word.slice(at + 1)];
  });
  const meta = hasTags ? encodeTags(new Map(pairs)) : new TextEncoder().encode(words.join(' '));
  return server.update(member, meta) ?? done(`${member.name} has told its meta`);
}

function sendEvent(server: LiveServer, [name, ...payload]: readonly string[]): LiveAnswer {
  if (name === undefined) return failed('the name of the event is missing');
  const sender = firstRunning(server);
  if (sender === undefined) return failed('nobody runs');
  const bytes = new TextEncoder().encode(payload.join(' '));
  const error = server.sendUserEvent(sender, name, bytes);
  return error === undefined ? done(`${sender.name} tells ${name}`) : failed(error);
}

async function sendQuery(
  server: LiveServer,
  [name, ...words]: readonly string[],
): Promise<LiveAnswer> {
  if (name === undefined) return failed('the name of the query is missing');
  const asker = firstRunning(server);
  if (asker === undefined) return failed('nobody runs');
  const payload = new TextEncoder().encode(words.join(' '));
  const answers = await server.ask(asker, { name, payload });
  if (typeof answers === 'string') return failed(answers);
  const { acks } = answers;
  const responses = Object.fromEntries(
    [...answers.responses].map(([from, bytes]) => [from, new TextDecoder().decode(bytes)]),
  );
  const text = [
    ...acks.map((from) => `Ack from '${from}'`),
    ...Object.entries(responses).map(([from, answer]) => `Response from '${from}': ${answer}`),
    `Total Acks: ${acks.length}`,
    `Total Responses: ${answers.responses.size}`,
  ];
  return done(text.join('\n'), { acks, responses });
}

function setAnswer(server: LiveServer, [query, ...words]: readonly string[]): LiveAnswer {
  if (query === undefined) return failed('the name of the query is missing');
  const payload = words.length === 0 ? undefined : new TextEncoder().encode(words.join(' '));
  const error = server.live.setAnswer(query, payload);
  if (error !== undefined) return failed(error);
  return done(payload === undefined ? `${query} is not answered` : `${query} is answered`);
}

function changeKeys(server: LiveServer, [verb = 'list', text]: readonly string[]): LiveAnswer {
  const rings = server.live.members.flatMap(({ keyring }) => keyring ?? []);
  if (rings.length === 0) return failed('the members do not encrypt; serve them with --keyring');
  if (verb !== 'list') {
    const verbs = ['install', 'use', 'remove'] as const;
    const known = verbs.find((other) => other === verb);
    if (known === undefined) {
      return failed(`'${verb}' is no verb of keys; ${didYouMean(verb, ['list', ...verbs])}`);
    }
    if (text === undefined) return failed(`keys ${verb} wants a key in base64`);
    const key = new Uint8Array(Buffer.from(text, 'base64'));
    const method = known === 'install' ? 'add' : known;
    const errors = server.changeKeys(method, key);
    if (errors.length > 0) return failed(`${errors.length} of ${rings.length}: ${errors[0]!}`);
  }
  const counts = new Map<string, { members: number; primary: number }>();
  for (const { keys } of rings) {
    for (const [i, key] of keys.entries()) {
      const name = Buffer.from(key).toString('base64');
      const count = counts.get(name) ?? { members: 0, primary: 0 };
      counts.set(name, { members: count.members + 1, primary: count.primary + (i === 0 ? 1 : 0) });
    }
  }
  const rows = [...counts].map(([key, { members, primary }]) => [key, `${members}`, `${primary}`]);
  const text_ = table([['key', 'members', 'primary'], ...rows], ['left', 'right', 'right']);
  return done(text_, Object.fromEntries(counts));
}

function firstRunning(server: LiveServer): LiveMember | undefined {
  return server.live.members.find((member) => member.isUp && !member.hasLeft);
}

function membersOf(server: LiveServer, name: string | undefined): LiveAnswer {
  const observer = name === undefined ? firstRunning(server) : server.live.memberOf(name);
  if (observer === undefined) {
    return name === undefined ? failed('nobody runs') : unknownMember(server, name);
  }
  const nodes = [...observer.list].sort((a, b) => (a.name < b.name ? -1 : 1)).map(described);
  const rows = nodes.map(({ name, address, state, incarnation, meta }) => [
    name,
    address,
    state,
    String(incarnation),
    meta,
  ]);
  const head = ['name', 'address', 'state', 'incarnation', 'meta'];
  const text = table([head, ...rows], ['left', 'left', 'left', 'right', 'left']);
  return done(text.replace(/ +$/gm, ''), nodes);
}

/** A meta of tags is told as tags, any other as the text that it may be. */
function described({ name, address, port, state, incarnation, meta: bytes }: LiveNode) {
  const tags = bytes?.[0] === TAG_MAGIC_BYTE ? [...decodeTags(bytes)] : undefined;
  return {
    name,
    address: formatHostPort(address, port),
    state: STATES[state] ?? String(state),
    incarnation,
    meta:
      tags?.map(([tag, value]) => `${tag}=${value}`).join(',') ?? new TextDecoder().decode(bytes),
    ...(tags === undefined ? {} : { tags: Object.fromEntries(tags) }),
  };
}

function statusOf(server: LiveServer): LiveAnswer {
  const { members, peers } = server.live;
  const running = members.filter(({ isUp }) => isUp);
  const cpu = process.cpuUsage();
  const data = {
    members: members.length,
    running: running.length,
    paused: running.filter(({ heldTimers }) => heldTimers !== undefined).length,
    peers,
    upSeconds: Math.round(server.nowNs / SECOND_NS),
    lateMsMax: Math.round(server.lateNsMax / MILLISECOND_NS),
    lostMs: Math.round(server.lostNs / MILLISECOND_NS),
    cpuSeconds: Math.round((cpu.user + cpu.system) / 1000) / 1000,
    residentMib: Math.round(process.memoryUsage.rss() / 1024 / 1024),
    ...server.counters,
  };
  const rows = Object.entries(data).map(([what, value]) => [what, String(value)]);
  return done(table(rows, ['left', 'right']), data);
}
