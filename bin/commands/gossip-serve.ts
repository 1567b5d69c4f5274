/**
 * `swarmlab gossip serve`: simulated members on real sockets, which a serf agent or any other
 * memberlist program can join; commands on stdin or over a control socket kill them, make them
 * leave, and so on.
 */
import type { Server } from 'node:net';
import { createInterface } from 'node:readline';
import { type Command, Option } from 'commander';
import type { LiveAddress, PeerKind } from '../../gossip/live/live-member.ts';
import { formatInstant } from '../../sim/time.ts';
import { ANY_ADDRESS, isLoopbackAddress } from '../../wire/addresses.ts';
import { formatHostPort } from '../../wire/host-address.ts';
import type { Keyring } from '../../wire/memberlist/encrypt.ts';
import { CommandFailure, ExitStatus } from '../exit-status.ts';
import { collect, configOf } from '../gossip-config.ts';
import {
  addressOf,
  advertisedOf,
  countOf,
  keyringFileOf,
  keyringOf,
  profileNames,
} from '../gossip-flags.ts';
import { defaultControlPath, listenForControl } from '../live/control-socket.ts';
import { joinAddressesOf } from '../live/join-addresses.ts';
import { writeKeyringFile } from '../live/keyring-file.ts';
import { formatLiveHelp, QUIT, runLiveCommand } from '../live/live-commands.ts';
import { LiveServer, type LiveServerInit } from '../live/live-server.ts';

const EXAMPLES = `
Commands on stdin, or as swarmlab gossip <command> in another terminal:
${formatLiveHelp()}

Examples:
  $ swarmlab gossip serve --members 1000 --bind 127.0.0.1:7946
  $ serf agent -node=real -bind=127.0.0.1:8946 -join=127.0.0.1:7946   # in another terminal
  $ swarmlab gossip kill node-003                                     # and in a third`;

const MEMBERS_MAX = 2000;
const PORT_MAX = 65_535;
/** Labels, keys and versions are said or found out otherwise. */
const LIVE_TUNABLES = /^(?!label|keyring|cidrs-allowed|(delegate-)?protocol-)/;
/** `LabelMaxSize`. */
const LABEL_BYTES_MAX = 255;

interface ServeFlags {
  readonly members: string;
  readonly bind: string;
  readonly advertise?: string;
  readonly spread?: 'addresses' | 'ports';
  readonly keyring?: string;
  readonly keyringFile?: string;
  readonly label: string;
  readonly profile: string;
  readonly peers: PeerKind;
  readonly join: readonly string[];
  readonly set: readonly string[];
  readonly answer: readonly string[];
  readonly name: string;
  readonly seed: string;
  readonly control?: string;
  readonly quiet?: boolean;
}

/** Adds the subcommand. */
export function addGossipServe(gossip: Command): void {
  gossip
    .command('serve')
    .description('simulated members on real sockets, which real programs can join')
    .option('--members <count>', 'how many members', '10')
    .option('--bind <address:port>', 'where the first listens', '127.0.0.1:7946')
    .option('--advertise <address[:port]>', 'where others find the first, if not there')
    .addOption(
      new Option(
        '--spread <way>',
        'the others at the next addresses or the next ports (default: addresses on loopback)',
      ).choices(['addresses', 'ports']),
    )
    .option('--keyring <keys>', 'encrypt with base64 keys, with commas between, the primary first')
    .option(
      '--keyring-file <file>',
      "encrypt with the keys of a serf agent's -keyring-file, and keep it",
    )
    .option('--label <text>', 'the label of the cluster, of memberlist 0.4 and later', '')
    .option('--profile <name>', `configuration: ${profileNames()}`, 'lan')
    .addOption(
      new Option('--peers <kind>', 'what programs may join; auto: what the first that comes is')
        .choices(['auto', 'serf', 'memberlist'])
        .default('auto'),
    )
    .option('--set <name=value>', 'override a tunable, such as probe-interval=2s', collect, [])
    .option(
      '--join <where>',
      'the first member joins through whoever is there: 10.0.0.1, name:7946, node/name:7946',
      collect,
      [],
    )
    .option('--answer <query=payload>', "what members answer to a query of serf's", collect, [])
    .option('--name <prefix>', 'what the names of members begin with', 'node-')
    .option('--seed <seed>', 'the seed of what members draw', '1')
    .option('--control <path>', `the control socket (default: ${defaultControlPath()})`)
    .option('--quiet', 'do not print what members come to know')
    .addHelpText('after', EXAMPLES)
    .action(runServe);
}

async function runServe(flags: ServeFlags): Promise<void> {
  const init = serverInitOf(flags);
  const server = new LiveServer(init, ({ atNs, observer, what, subject }) => {
    if (flags.quiet !== true) say(`${formatInstant(atNs)}  ${observer}  ${what}  ${subject}`);
  });
  let control: Server | undefined;
  try {
    for (const text of flags.answer) setAnswer(server, text);
    await start(server);
    if (flags.join.length > 0) await join(server, flags.join, init.bind);
    const { ended, end } = endOf();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
    control = await controlOf(server, end, flags.control);
    say(`${init.memberCount} members listen from ${formatAddress(init.bind)} on`);
    const lines = createInterface({ input: process.stdin });
    lines.on('line', (line) => void obey(server, end, line));
    // Ctrl-D ends it; the input of a service is at its end from the beginning
    if (process.stdin.isTTY) lines.once('close', end);
    await ended;
  } finally {
    process.stdin.destroy();
    control?.close();
    server.close();
  }
}

/** The end of the server, and what brings it about. */
function endOf(): { ended: Promise<void>; end: () => void } {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { ended, end };
}

async function start(server: LiveServer): Promise<void> {
  try {
    await server.listen();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(ExitStatus.wrongInput, `cannot listen: ${reason}`);
  }
}

/** Joins through all of them, as memberlist does; one that is reached is enough. */
async function join(
  server: LiveServer,
  places: readonly string[],
  bind: LiveAddress,
): Promise<void> {
  const failures: string[] = [];
  let reachedCount = 0;
  for (const place of places) {
    const addresses = await joinAddressesOf(place, bind);
    if (typeof addresses === 'string') {
      failures.push(`${place}: ${addresses}`);
      continue;
    }
    for (const address of addresses) {
      const error = await server.join(server.live.members[0]!, address);
      if (error === undefined) reachedCount++;
      else failures.push(`${formatAddress(address)}: ${error}`);
    }
  }
  const text = failures.map((failure) => `cannot join ${failure}`).join('\n');
  if (reachedCount === 0) throw new CommandFailure(ExitStatus.notMet, text);
  if (text !== '') say(text);
}

function setAnswer(server: LiveServer, text: string): void {
  const equals = text.indexOf('=');
  if (equals < 1) wrong(`--answer wants query=payload, not '${text}'`);
  const payload = new TextEncoder().encode(text.slice(equals + 1));
  const error = server.live.setAnswer(text.slice(0, equals), payload);
  if (error !== undefined) wrong(`--answer: ${error}`);
}

/** The default socket may be another server's; one that was asked for may not. */
async function controlOf(
  server: LiveServer,
  end: () => void,
  asked: string | undefined,
): Promise<Server | undefined> {
  const path = asked ?? defaultControlPath();
  try {
    const control = await listenForControl(path, async (words) => {
      if (words[0] !== QUIT) return runLiveCommand(server, words);
      setImmediate(end);
      return { isDone: true, text: 'the server ends', data: 'the server ends' };
    });
    return control;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (asked !== undefined) {
      throw new CommandFailure(ExitStatus.wrongInput, `--control: ${reason}`);
    }
    say(`no control socket: ${reason}; choose one with --control`);
    return undefined;
  }
}

async function obey(server: LiveServer, end: () => void, line: string): Promise<void> {
  const words = line.trim().split(/\s+/);
  if (words[0] === '') return;
  if (words[0] === QUIT) {
    end();
    return;
  }
  try {
    say((await runLiveCommand(server, words)).text);
  } catch (error) {
    say(`${line}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function serverInitOf(flags: ServeFlags): LiveServerInit {
  const memberCount = countOf('--members', flags.members, 1, MEMBERS_MAX);
  const bind = addressOf('--bind', flags.bind);
  const { advertise } = flags;
  const advertised =
    advertise === undefined ? bind : advertisedOf('--advertise', advertise, bind.port);
  const hasLoopback = typeof bind.address === 'number' && isLoopbackAddress(bind.address);
  const spread = flags.spread ?? (hasLoopback ? 'addresses' : 'ports');
  const hasOwnAddresses = spread === 'addresses';
  const isAnywhere = bind.address === ANY_ADDRESS || bind.address === '::';
  if (isAnywhere && (advertise === undefined || hasOwnAddresses)) {
    wrong(`--bind ${flags.bind} wants --advertise with an address, and --spread ports`);
  }
  const portMax = Math.max(bind.port, advertised.port) + memberCount - 1;
  if (!hasOwnAddresses && portMax > PORT_MAX) {
    const message = `--bind: ${memberCount} members from port ${bind.port} on need more ports`;
    wrong(`${message} than there are; try --spread addresses`);
  }
  if (Buffer.byteLength(flags.label) > LABEL_BYTES_MAX) {
    wrong(`--label wants at most ${LABEL_BYTES_MAX} bytes`);
  }
  const keyring = ringOf(flags);
  const profile = configOf(flags.profile, flags.set, LIVE_TUNABLES);
  return {
    memberCount,
    bind,
    advertise: advertised,
    hasOwnAddresses,
    config: { ...profile, hasKeyring: keyring !== undefined, label: flags.label },
    keyring,
    ...(flags.keyringFile === undefined ? {} : { onKeys: keysKeptIn(flags.keyringFile) }),
    peers: flags.peers,
    seed: flags.seed,
    namePrefix: flags.name,
  };
}

function ringOf({ keyring, keyringFile }: ServeFlags): Keyring | undefined {
  if (keyring !== undefined && keyringFile !== undefined) {
    wrong('--keyring and --keyring-file are two ways to say the same');
  }
  if (keyring !== undefined) return keyringOf('--keyring', keyring);
  return keyringFile === undefined ? undefined : keyringFileOf('--keyring-file', keyringFile);
}

/** Keeps the file as a serf agent does; what goes wrong is told, and the keys are changed. */
function keysKeptIn(path: string): (keyring: Keyring) => void {
  return (keyring) => {
    try {
      writeKeyringFile(path, keyring);
    } catch (error) {
      say(`--keyring-file: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
}

function wrong(message: string): never {
  throw new CommandFailure(ExitStatus.wrongInput, message);
}

function formatAddress({ address, port }: LiveAddress): string {
  return formatHostPort(address, port);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
