import { expect, test } from 'vitest';
import { Way } from '../../net/way.ts';
import { packetWalksOf } from './packet-walks.ts';

/** A SYN that a bridge gives to two ports; the way goes to a bystander, a fork to the other. */
function flood() {
  const ways: Way[] = [];
  const way = new Way(ways);
  way.title = 'SYN';
  way.add(0, 'host', 'send', '', '', 'TCP 10.0.0.3:1024 > 10.0.0.25:80');
  way.add(0, 'host/bridge', 'receive', 'veth0', '', '');
  const copy = way.fork();
  way.add(0, 'host/bystander', 'receive', 'eth0', '', '');
  way.add(0, 'host/bystander', 'drop', 'eth0', '', 'for another host');
  return { ways, copy };
}

test('the copy of a flooded frame that its addressee refuses is the packet, and the others none', () => {
  const { ways, copy } = flood();
  copy.add(0, 'host/addressee', 'receive', 'eth0', '', '');
  copy.add(0, 'host/addressee', 'route', 'lo', '', 'local');
  copy.add(0, 'host/addressee', 'drop', '', '', 'TCP port is closed');
  const walks = packetWalksOf(ways, {});
  expect(walks.map(({ reason }) => reason)).toEqual(['TCP port is closed']);
});

test('a flooded frame that nobody wants is one packet, whatever its copies met', () => {
  const { ways, copy } = flood();
  copy.add(0, 'host/bridge', 'drop', 'vxlan0', '', 'no VTEP is known');
  const walks = packetWalksOf(ways, {});
  expect(walks.map(({ reason }) => reason)).toEqual(['for another host']);
});
