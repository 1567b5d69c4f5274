/**
 * nft against a session with nftables 1.0.6 on a real kernel, and packets through what it makes.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SECOND_NS } from '../../../sim/time.ts';
import { FakeNamespace } from '../fake-namespace.ts';
import { address, tcpPacket } from '../fake-packets.ts';
import { Hook, Verdict } from '../hook.ts';

type Step = [command: string, status: number, stdout: string, stderr: string];

test.each(['session', 'sets'])('%s: what each command prints, and how it is refused', (file) => {
  const { nftables } = new FakeNamespace();
  const path = new URL(`testdata/${file}.json`, import.meta.url);
  for (const [command, status, text, stderr] of JSON.parse(readFileSync(path, 'utf8')) as Step[]) {
    // later versions know the name at this hook
    const stdout = text.replace('hook output priority -100', 'hook output priority dstnat');
    expect([command, nftables.execute(command)]).toEqual([command, { status, stdout, stderr }]);
  }
});

const SCRIPT = `# the house's own rules
define allowed = { 22, 80 }
table ip house {
	set blocked { type ipv4_addr; flags interval; elements = { 10.9.0.0/16,
		10.8.0.1 } }
	map doors {
		type ifname : verdict
		elements = { "eth0" : jump outside }
	}
	chain input {
		type filter hook input priority 0; policy drop;
		iifname vmap @doors
	}
	chain outside {
		ip saddr @blocked counter drop # never
		tcp dport $allowed accept
	}
}
add rule ip house input ct state established accept
`;

test('a script makes all of it, blocks before what leads to them, or nothing', () => {
  const { nftables } = new FakeNamespace();
  expect(nftables.load(SCRIPT)).toEqual({ status: 0, stdout: '', stderr: '' });
  const listed = nftables.execute('list ruleset').stdout;
  expect(listed).toBe(`table ip house {
	set blocked {
		type ipv4_addr
		flags interval
		elements = { 10.8.0.1, 10.9.0.0/16 }
	}

	map doors {
		type ifname : verdict
		elements = { "eth0" : jump outside }
	}

	chain input {
		type filter hook input priority filter; policy drop;
		iifname vmap @doors
		ct state established accept
	}

	chain outside {
		ip saddr @blocked counter packets 0 bytes 0 drop
		tcp dport { 22, 80 } accept
	}
}
`);
  // what nft lists, nft loads
  expect(nftables.load(`flush ruleset\n${listed}`).status).toBe(0);
  expect(nftables.execute('list ruleset').stdout).toBe(listed);
  const broken = 'flush ruleset\ntable ip t {\n\tchain c {\n\t\ttcp dport 80 acept\n\t}\n}\n';
  expect(nftables.load(broken)).toEqual({
    status: 1,
    stdout: '',
    stderr:
      '/dev/stdin:4:21-21: Error: syntax error, unexpected newline\n\t\ttcp dport 80 acept\n' +
      `\t\t${' '.repeat(18)}^`,
  });
  expect(nftables.execute('list ruleset').stdout).toBe(listed);
});

test('packets are looked up in named sets, whose elements may expire', () => {
  const host = new FakeNamespace();
  const eth0 = host.addDevice('eth0', address('10.0.0.254'), 24);
  host.nftables.load(SCRIPT);
  host.nftables.execute('add set ip house guests { type ipv4_addr; timeout 1m; }');
  host.nftables.execute('add element ip house guests { 10.0.0.7, 10.0.0.8 timeout 10s }');
  host.nftables.execute('insert rule ip house outside ip saddr @guests accept');
  const passes = (source: string, port: number) => {
    const packet = tcpPacket(`${source}:5000`, `10.0.0.254:${port}`);
    return host.hooks.run(packet, Hook.input, eth0, undefined) === Verdict.accept;
  };
  expect([passes('10.0.0.1', 80), passes('10.0.0.1', 81)]).toEqual([true, false]);
  expect([passes('10.9.1.1', 80), passes('10.8.0.1', 80)]).toEqual([false, false]);
  expect([passes('10.0.0.7', 81), passes('10.0.0.8', 81)]).toEqual([true, true]);
  host.world.queue.runUntil(11 * SECOND_NS);
  expect([passes('10.0.0.7', 81), passes('10.0.0.8', 81)]).toEqual([true, false]);
  const { stdout } = host.nftables.execute('list set ip house guests');
  expect(stdout).toContain('\t\ttimeout 1m\n\t\telements = { 10.0.0.7 expires 49s }\n');
});
