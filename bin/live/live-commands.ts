/**
 * What a person or a script tells a live server, a line at a time, and what it answers.
 */

import type { LiveMember } from '../../gossip/live/live-member.ts';
import { table } from '../../scenarios/report/style.ts';
import { formatIpv4Address } from '../../wire/addresses.ts';
import type { LiveServer } from './live-server.ts';

/** The commands, for help. */
export const LIVE_COMMANDS = `  crash NAME      the member's process ends without a word
  leave NAME      the member leaves
  start NAME      a member that has ended starts again and joins
  members [NAME]  what that member, or the first that runs, holds of all
  counters        packets sent and received
  quit            end`;

const STATES = ['alive', 'suspect', 'dead', 'left'];

/** Carries out one line; the answer, or `undefined` for quit. */
export async function runLiveCommand(
  server: LiveServer,
  line: string,
): Promise<string | undefined> {
  const [command = '', name] = line.trim().split(/\s+/);
  switch (command) {
    case '':
      return '';
    case 'quit':
      return undefined;
    case 'help':
      return LIVE_COMMANDS;
    case 'members':
      return membersOf(server, name);
    case 'counters':
      return table(
        Object.entries(server.counters).map(([what, count]) => [what, String(count)]),
        ['left', 'right'],
      );
    case 'crash':
    case 'leave':
    case 'start':
      return change(server, command, name);
    default:
      return `'${command}' is not a command; there are:\n${LIVE_COMMANDS}`;
  }
}

async function change(
  server: LiveServer,
  command: 'crash' | 'leave' | 'start',
  name: string | undefined,
): Promise<string> {
  if (name === undefined) return `${command} wants the name of a member`;
  const member = server.live.memberOf(name);
  if (member === undefined) return `${name} is no member of this process`;
  if (command === 'start') return start(server, member);
  if (!member.isUp) return `${name} does not run`;
  if (member.hasLeft) return `${name} is leaving`;
  if (command === 'crash') {
    server.crash(member);
    return `${name} crashed`;
  }
  await server.leave(member);
  return `${name} has left`;
}

async function start(server: LiveServer, member: LiveMember): Promise<string> {
  if (member.isUp) return `${member.name} runs already`;
  const seed = server.live.members.find((other) => other.isUp && !other.hasLeft);
  const error = await server.restart(member, seed ?? member);
  return error === undefined ? `${member.name} joined` : `${member.name} did not join: ${error}`;
}

function membersOf(server: LiveServer, name: string | undefined): string {
  const { members } = server.live;
  const observer =
    name === undefined ? members.find((member) => member.isUp) : server.live.memberOf(name);
  if (observer === undefined) return name === undefined ? 'nobody runs' : `${name} is no member`;
  const byName = [...observer.list].sort((a, b) => (a.name < b.name ? -1 : 1));
  const rows = byName.map((node) => [
    node.name,
    `${formatIpv4Address(node.address)}:${node.port}`,
    STATES[node.state] ?? String(node.state),
    String(node.incarnation),
  ]);
  return table([['name', 'address', 'state', 'incarnation'], ...rows], ['left', 'left', 'left']);
}
