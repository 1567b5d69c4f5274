/**
 * `swarmlab plugin serve STYLE`: a sample plugin as a real process on a unix socket, so that a real
 * dockerd can use it, or a simulated one with `--plugin`.
 */
import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { type Command, InvalidArgumentError } from 'commander';
import type { PluginServer } from '../../node/plugins/plugin-folder.ts';
import { infobloxAnswers, infobloxGrid } from '../../node/plugins/samples/infoblox.ts';
import { serverOf } from '../../node/plugins/samples/sample-plugin.ts';
import { textField } from '../../wire/go-json.ts';
import { CommandFailure, ExitStatus } from '../exit-status.ts';

/** Samples that need nothing of a simulated kernel. */
const SERVERS: Readonly<Record<string, () => PluginServer>> = { infoblox: localInfoblox };

const EXAMPLES = `
Examples:
  $ swarmlab plugin serve infoblox --socket /run/docker/plugins/infoblox.sock
  $ docker network create --ipam-driver infoblox net                    # a real Docker, or
  $ swarmlab exec my.yaml worker-1 --plugin grid=grid.sock -- docker network create --ipam-driver grid net`;

/** Adds the command. */
export function addPlugin(program: Command): void {
  const plugin = program.command('plugin').description('network plugins as real processes');
  plugin
    .command('serve')
    .description('offer a sample plugin on a unix socket')
    .argument('<style>', `which: ${Object.keys(SERVERS).join(', ')}`, parseStyle)
    .requiredOption('--socket <path>', 'where it listens')
    .addHelpText('after', EXAMPLES)
    .action((style: string, { socket }: { socket: string }) => serve(style, socket));
  for (const command of plugin.commands) command.exitOverride();
}

function parseStyle(text: string): string {
  if (Object.hasOwn(SERVERS, text)) return text;
  const why = `${text} makes devices in a simulated kernel, or is not known`;
  throw new InvalidArgumentError(`${why}; there is ${Object.keys(SERVERS).join(', ')}.`);
}

/** The address manager with its grid in the same process. */
function localInfoblox(): PluginServer {
  const { methods } = infobloxGrid();
  // biome-ignore lint/correctness/useYield: the grid answers at once
  const answers = infobloxAnswers(function* (method, argument) {
    const answer = methods[method]!(argument as Record<string, unknown>);
    const error = textField(answer as Record<string, unknown>, 'Error');
    return error === '' ? (answer as Record<string, unknown>) : error;
  });
  return serverOf(answers);
}

/** Listens until it is told to end. */
function serve(style: string, socketPath: string): Promise<void> {
  const plugin = SERVERS[style]!();
  const server = createServer(async (request, response) => {
    const method = (request.url ?? '').slice(1);
    plugin.post({ method, headers: {}, body: await textOf(request) }, (attempt) => {
      if (!('status' in attempt)) response.destroy();
      else {
        const type = 'application/vnd.docker.plugins.v1.2+json';
        response.writeHead(attempt.status, { 'Content-Type': type }).end(attempt.body);
      }
    });
  });
  return new Promise((resolve, reject) => {
    const end = () => {
      server.close(() => resolve());
      server.closeAllConnections();
    };
    server.on('error', ({ message }) =>
      reject(new CommandFailure(ExitStatus.wrongInput, `cannot listen: ${message}`)),
    );
    server.listen(socketPath, () => process.stdout.write(`${style} listens on ${socketPath}\n`));
    server.on('close', () => rmSync(socketPath, { force: true }));
    process.once('SIGTERM', end);
    process.once('SIGINT', end);
  });
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request) text += String(piece);
  return text;
}
