/**
 * The walks of one Docker host over IPv6, there and back: with ip6tables as from 27 on, and as before,
 * when only docker-proxy had an IPv6 address to offer.
 */
import { expect, test } from 'vitest';
import type { Namespace } from '../net/namespace.ts';
import { docker } from '../node/docker/docker.ts';
import { parseIp } from '../wire/ip-address.ts';
import { WalkedStreet } from './support/walked-street.ts';

const H6 = '2001:db8::10';
const X6 = '2001:db8::99';

/** X and the host with IPv6 on their link, `web` (8080 published) and `cli` on one bridge, `api` on another. */
function sixStreet(engine: string) {
  const street = new WalkedStreet(engine);
  const { host, outside } = street;
  for (const [namespace, text] of [
    [host.namespace, H6],
    [outside, X6],
  ] as const) {
    const device = namespace.deviceByName('eth0')!;
    const address = parseIp(text)!;
    namespace.ipv6.addresses.add(device, { address, prefixLength: 64, skipsDetection: true });
  }
  outside.sockets.listen({ port: 443, family: 'ipv6', onConnection: () => ({}) });
  const run = (line: string) => {
    expect(docker(host.daemon, line).stderr, line).toBe('');
    street.settle();
  };
  const network = (name: string, number: number, flags = '') =>
    run(
      `network create --ipv6 --subnet 172.${20 + number}.0.0/16 --subnet fd00:${number}::/64 ` +
        `-o com.docker.network.bridge.name=br-${name} ${flags} ${name}`,
    );
  network('six', 1);
  network('other', 2);
  network('vault', 3, '--internal');
  run('run -d --name web --network six -p 8080:80 nginx');
  run('run -d --name cli --network six nginx');
  run('run -d --name api --network other nginx');
  run('run -d --name safe --network vault nginx');
  const sandbox = (name: string): Namespace => {
    const { namespace } = host.daemon.find(name)!.sandbox!;
    street.names[namespace.name] = `host/${name}`;
    return namespace;
  };
  return { street, host: host.namespace, outside, sandbox };
}

test.each(['20.10', '27', '28', '29'])('engine %s', async (engine) => {
  const { street, host, outside, sandbox } = sixStreet(engine);
  const [web, cli, api] = ['web', 'cli', 'api'].map(sandbox) as [Namespace, Namespace, Namespace];
  street.walk('W1 a client to the published port', outside, H6, 8080);
  street.walk('W2 a container to the internet', cli, X6, 443);
  street.walk('W2 the same, by ping', cli, X6);
  street.walk('W3 between containers of one bridge', cli, 'fd00:1::2', 80);
  street.walk('W4 to a container on another bridge', api, 'fd00:1::2', 80);
  street.walk('W5 to the published port from another bridge', api, H6, 8080);
  street.walk('W6 to the own published port', web, H6, 8080);
  street.walk('W7 the host to ::1', host, '::1', 8080);
  street.walk('W7b the host to its own address', host, H6, 8080);
  street.walk('into an internal network', cli, 'fd00:3::2', 80);
  street.walk('to an address that nobody has', cli, 'fd00:1::77', 80);
  street.walk('a client to a port that nobody published', outside, H6, 9000);
  await street.expect(`one-host-ipv6-${engine}`);
});
