/**
 * `swarmlab gossip serve`: simulated members on real sockets, which a serf agent or any other
 * memberlist program can join; lines on stdin crash them and make them leave.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { formatInstant } from '../../sim/time.ts';
import { formatIpv4Address } from '../../wire/addresses.ts';
import { CommandFailure, ExitStatus } from '../exit-status.ts';
import { addressOf, countOf, keyringOf, profileNames, profileOf } from '../gossip-flags.ts';
import { LIVE_COMMANDS, runLiveCommand } from '../live/live-commands.ts';
import { LiveServer, type LiveServerInit } from '../live/live-server.ts';

const EXAMPLES = `
Commands on stdin:
${LIVE_COMMANDS}

Examples:
  $ swarmlab gossip serve --members 10 --serf
  $ serf agent -bind 127.0.0.1:8946 -join 127.0.0.1:7946     # in another terminal`;

const MEMBERS_MAX = 2000;
/** `LabelMaxSize`. */
const LABEL_BYTES_MAX = 255;

interface ServeFlags {
  readonly members: string;
  readonly bind: string;
  readonly addresses?: boolean;
  readonly keyring?: string;
  readonly label: string;
  readonly profile: string;
  readonly serf?: boolean;
  readonly join?: string;
  readonly name: string;
  readonly seed: string;
  readonly quiet?: boolean;
}

/** Adds the subcommand. */
export function addGossipServe(gossip: Command): void {
  gossip
    .command('serve')
    .description('simulated members on real sockets, which real programs can join')
    .option('--members <count>', 'how many members', '10')
    .option('--bind <address:port>', 'where the first listens', '127.0.0.1:7946')
    .option('--addresses', 'the others at the next addresses, instead of the next ports')
    .option('--keyring <keys>', 'encrypt with base64 keys, with commas between, the primary first')
    .option('--label <text>', 'the label of the cluster, of memberlist 0.4 and later', '')
    .option('--profile <name>', `configuration: ${profileNames()}`, 'lan')
    .option('--serf', 'look like serf agents, which refuse others')
    .option('--join <address:port>', 'the first member joins through whoever listens there')
    .option('--name <prefix>', 'what the names of members begin with', 'node-')
    .option('--seed <seed>', 'the seed of what members draw', '1')
    .option('--quiet', 'do not print what members come to know')
    .addHelpText('after', EXAMPLES)
    .action(runServe);
}

async function runServe(flags: ServeFlags): Promise<void> {
  const init = serverInitOf(flags);
  const join = flags.join === undefined ? undefined : addressOf('--join', flags.join);
  const server = new LiveServer(init, ({ atNs, observer, what, subject }) => {
    if (flags.quiet !== true) say(`${formatInstant(atNs)}  ${observer}  ${what}  ${subject}`);
  });
  const interrupt = (): void => server.close();
  try {
    await server.listen();
  } catch (error) {
    server.close();
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(ExitStatus.wrongInput, `cannot listen: ${reason}`);
  }
  const { address, port } = init.first;
  say(`${init.memberCount} members listen from ${formatIpv4Address(address)}:${port} on`);
  if (join !== undefined) {
    const error = await server.join(server.live.members[0]!, join);
    if (error !== undefined) {
      server.close();
      throw new CommandFailure(ExitStatus.notMet, `cannot join ${flags.join!}: ${error}`);
    }
  }
  const lines = createInterface({ input: process.stdin });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => lines.close());
  process.once('exit', interrupt);
  lines.on('line', (line) => {
    void runLiveCommand(server, line).then(
      (answer) => {
        if (answer === undefined) lines.close();
        else if (answer !== '') say(answer);
      },
      (error: unknown) => say(`${line}: ${error instanceof Error ? error.message : String(error)}`),
    );
  });
  await once(lines, 'close');
  server.close();
}

function serverInitOf(flags: ServeFlags): LiveServerInit {
  const memberCount = countOf('--members', flags.members, 1, MEMBERS_MAX);
  const first = addressOf('--bind', flags.bind);
  const hasOwnAddresses = flags.addresses === true;
  if (!hasOwnAddresses && first.port + memberCount - 1 > 65_535) {
    const message = `--bind: ${memberCount} members from port ${first.port} on need more ports`;
    throw new CommandFailure(ExitStatus.wrongInput, `${message} than there are; try --addresses`);
  }
  if (Buffer.byteLength(flags.label) > LABEL_BYTES_MAX) {
    const message = `--label wants at most ${LABEL_BYTES_MAX} bytes`;
    throw new CommandFailure(ExitStatus.wrongInput, message);
  }
  const keyring = flags.keyring === undefined ? undefined : keyringOf('--keyring', flags.keyring);
  const profile = profileOf(flags.profile);
  return {
    memberCount,
    first,
    hasOwnAddresses,
    config: { ...profile, hasKeyring: keyring !== undefined, label: flags.label },
    keyring,
    isSerf: flags.serf === true,
    seed: flags.seed,
    namePrefix: flags.name,
  };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
