/**
 * Tables against what iptables 1.8.9 (legacy) printed on a real kernel: rules, errors, whole dumps.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { World } from '../../sim/world.ts';
import { HostCounters } from '../host-counters.ts';
import { Namespace } from '../namespace.ts';
import { FakeNamespace } from './fake-namespace.ts';

function load<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as T;
}

interface RuleText {
  command: string;
  save: string[];
  list: string[];
  error?: string;
}

interface RestoreCase {
  flags: string;
  text: string;
  status: number;
  stderr: string;
  after: string;
}

test('every rule is printed back by -S and -L -n -v as iptables prints it', () => {
  const { tables } = new FakeNamespace();
  for (const table of ['filter', 'nat', 'mangle', 'raw']) tables.run(`-t ${table} -N U`);
  for (const { command, save, list, error } of load<RuleText[]>('testdata/rule-texts.json')) {
    const table = /^-t (\w+)/.exec(command)?.[1] ?? 'filter';
    const chain = /-A (\w+)/.exec(command)![1]!;
    tables.run(`-t ${table} -F`);
    const problem = tables.run(command);
    expect({ command, problem: problem }).toEqual({ command, problem: error });
    const rules = tables.execute(`-t ${table} -S`).stdout.split('\n');
    const saved = rules.filter((line) => line.startsWith('-A'));
    expect({ command, saved }).toEqual({ command, saved: save });
    const lines = tables.execute(`-t ${table} -nvL ${chain}`).stdout.split('\n').slice(2, -1);
    expect({ command, lines }).toEqual({ command, lines: list });
    for (const line of saved) {
      expect(tables.run(`-t ${table} ${line.replace('-A', '-C')}`)).toBeUndefined();
      expect(tables.run(`-t ${table} ${line.replace('-A', '-D')}`)).toBeUndefined();
    }
  }
});

/** Family, command, status; then the error, or what `-S` and both `-L -n -v` and `-L` print. */
type Printed = readonly [
  'ipv4' | 'ipv6',
  string,
  number,
  (string | readonly string[])?,
  (readonly string[])?,
];

test('each command gets the errors of iptables and ip6tables, or is printed back as they print it', () => {
  for (const [family, command, status, ...rest] of load<Printed[]>(
    'testdata/iptables-1.8.9.json',
  )) {
    const namespace = new Namespace(new World('iptables'), {
      name: 'host',
      nodeIndex: 0,
      host: new HostCounters(new World('iptables')),
    });
    const tables = family === 'ipv4' ? namespace.tables : namespace.ipv6.tables;
    const result = tables.execute(command);
    const table = /(?:^| )-t (\w+)/.exec(command)?.[1] ?? 'filter';
    const lines = (flags: string) => {
      const text = tables.execute(`-t ${table} ${flags}`).stdout;
      return text.split('\n').filter((line) => line !== '' && !/^(Chain| pkts|target)/.test(line));
    };
    const printed =
      result.status === 0
        ? [
            lines('-S').filter((line) => line.startsWith('-A')),
            [...lines('-L -n -v'), ...lines('-L')],
          ]
        : [result.stderr];
    expect([family, command, result.status, ...printed]).toEqual([
      family,
      command,
      status,
      ...rest,
    ]);
  }
});

test('a sequence of commands gets the same statuses and errors as from iptables', () => {
  const { tables } = new FakeNamespace();
  const commands = load<[string, number, string][]>('testdata/command-errors.json');
  for (const [command, status, message] of commands) {
    const { status: gotStatus, stderr } = tables.execute(command);
    expect([command, gotStatus, stderr]).toEqual([command, status, message]);
  }
});

test('dumps of real hosts and sandboxes are loaded and printed again, byte for byte', () => {
  const dumps = load<{ file: string; text: string }[]>('../../test/fixtures/iptables-save.json');
  for (const { file, text } of dumps) {
    const { tables } = new FakeNamespace();
    const parts = text.split(/(?<=^COMMIT\n)/m);
    for (const part of parts.reverse()) {
      expect(tables.restore(part, { hasCounters: true })).toEqual({
        status: 0,
        stdout: '',
        stderr: '',
      });
    }
    expect({ file, text: tables.save(undefined, /^\[/m.test(text)) }).toEqual({ file, text });
  }
});

test('iptables-restore: a table is replaced at its COMMIT, or stays as it was', () => {
  const before = ['-N OLD', '-A OLD -j DROP', '-A INPUT -j OLD'];
  for (const { flags, text, status, stderr, after } of load<RestoreCase[]>(
    'testdata/restore.json',
  )) {
    const { tables } = new FakeNamespace();
    for (const rule of before) tables.run(rule);
    tables.run('-t nat -S');
    const options = {
      hasCounters: flags === '-c',
      keepsRules: flags === '-n',
      isTest: flags === '-t',
    };
    expect([flags, text, tables.restore(text, options)]).toEqual([
      flags,
      text,
      { status, stdout: '', stderr },
    ]);
    expect([flags, text, tables.save(undefined, true)]).toEqual([flags, text, after]);
  }
});

test('a table shows up once it is touched, the newest first', () => {
  const { tables } = new FakeNamespace();
  expect(tables.save()).toBe('');
  tables.run('-n -L');
  tables.run('-t nat -N DOCKER');
  tables.run('-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER');
  expect(tables.save()).toBe(
    [
      '*nat',
      ':PREROUTING ACCEPT [0:0]',
      ':INPUT ACCEPT [0:0]',
      ':OUTPUT ACCEPT [0:0]',
      ':POSTROUTING ACCEPT [0:0]',
      ':DOCKER - [0:0]',
      '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
      'COMMIT',
      '*filter',
      ':INPUT ACCEPT [0:0]',
      ':FORWARD ACCEPT [0:0]',
      ':OUTPUT ACCEPT [0:0]',
      'COMMIT',
      '',
    ].join('\n'),
  );
});

test('chains that a hook reaches may neither loop nor hold what the hook forbids', () => {
  const { tables } = new FakeNamespace();
  const loop = 'iptables: Too many levels of symbolic links.';
  const invalid = "iptables: Invalid argument. Run `dmesg' for more information.";
  const steps: [string, string | undefined][] = [
    ['-N A', undefined],
    ['-N B', undefined],
    ['-A A -j B', undefined],
    ['-A B -j A', undefined],
    ['-A A -j A', undefined],
    ['-A INPUT -j A', loop],
    ['-t nat -N N', undefined],
    ['-t nat -A N -p tcp -j DNAT --to-destination 1.2.3.4:5', undefined],
    ['-t nat -A POSTROUTING -j N', invalid],
    ['-t nat -A PREROUTING -j N', undefined],
    ['-t nat -A N -j MASQUERADE', invalid],
    ['-A INPUT -p tcp -m udp --dport 5 -j ACCEPT', invalid],
  ];
  for (const [command, error] of steps)
    expect([command, tables.run(command)]).toEqual([command, error]);
  expect(tables.execute('-S A').stdout).toBe('-N A\n-A A -j B\n-A A -j A\n');
});
