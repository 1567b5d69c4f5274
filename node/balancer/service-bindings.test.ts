/**
 * Service bindings step by step: what each addition, disabling and removal tells the kernel side
 * and the names, in the cases of `service_common.go`.
 */
import { expect, test } from 'vitest';
import { formatIpv4Address, parseIpv4Address } from '../../wire/addresses.ts';
import { NetworkRecords } from '../dns/records.ts';
import { type Binding, ServiceBindings } from './service-bindings.ts';

interface Bench {
  bindings: ServiceBindings;
  /** What was told to the kernel side since the last look. */
  told(): string[];
  /** Names with their addresses on a network. */
  names(networkId?: string): string[];
}

function bench(countsAliases = false): Bench {
  const records = new Map([
    ['front', new NetworkRecords()],
    ['back', new NetworkRecords()],
  ]);
  let log: string[] = [];
  const bindings = new ServiceBindings({
    programmer: {
      addBackEnd: (balancer, address) =>
        log.push(`add ${balancer.fwmark} ${formatIpv4Address(address)}`),
      removeBackEnd: (balancer, address, isLast, isFull) => {
        const words = [isFull ? 'remove' : 'disable', balancer.fwmark, formatIpv4Address(address)];
        log.push(words.join(' ') + (isLast ? ' last' : ''));
      },
    },
    recordsOf: (networkId) => records.get(networkId),
    countsAliases,
  });
  return {
    bindings,
    told() {
      const result = log;
      log = [];
      return result;
    },
    names(networkId = 'front') {
      const known = records.get(networkId)!;
      return known.names.map(
        (name) => `${name}=${known.addressesOf(name)!.map(formatIpv4Address).join(',')}`,
      );
    },
  };
}

function ip(text: string): number {
  return parseIpv4Address(text)!;
}

function binding(task: number, more: Partial<Binding> = {}): Binding {
  return {
    networkId: 'front',
    endpointId: `endpoint-${task}`,
    containerName: `web.${task}.t${task}`,
    serviceName: 'web',
    serviceId: 'service-web',
    vip: ip('10.0.1.2'),
    address: ip(`10.0.1.${task + 2}`),
    ports: [],
    serviceAliases: [],
    taskAliases: [],
    ...more,
  };
}

test('two tasks come, one is drained and goes, then the other', () => {
  const { bindings, told, names } = bench();
  bindings.add(binding(1));
  expect(told()).toEqual(['add 256 10.0.1.3']);
  expect(names()).toEqual(['web.1.t1=10.0.1.3', 'tasks.web=10.0.1.3', 'web=10.0.1.2']);
  bindings.add(binding(2));
  expect(told()).toEqual(['add 256 10.0.1.4']);
  expect(names()).toContain('tasks.web=10.0.1.3,10.0.1.4');

  bindings.remove(binding(1), false);
  expect(told()).toEqual(['disable 256 10.0.1.3']);
  expect(names()).toEqual(['tasks.web=10.0.1.4', 'web=10.0.1.2', 'web.2.t2=10.0.1.4']);
  bindings.remove(binding(1), true);
  expect(told()).toEqual(['remove 256 10.0.1.3']);
  expect(names()).toEqual(['tasks.web=10.0.1.4', 'web=10.0.1.2', 'web.2.t2=10.0.1.4']);

  bindings.remove(binding(2), true);
  expect(told()).toEqual(['remove 256 10.0.1.4 last']);
  expect(names()).toEqual([]);
  bindings.remove(binding(2), true);
  expect(told()).toEqual([]);
});

test('a mark is never used again, and a disabled last back end keeps its service', () => {
  const { bindings, told, names } = bench();
  bindings.add(binding(1));
  bindings.remove(binding(1), false);
  expect(told()).toEqual(['add 256 10.0.1.3', 'disable 256 10.0.1.3']);
  expect(names()).toContain('web=10.0.1.2');
  bindings.remove(binding(1), true);
  bindings.add(binding(1));
  expect(told()).toEqual(['remove 256 10.0.1.3 last', 'add 257 10.0.1.3']);
});

test('a service on two networks, one of them with ports, has a mark for each', () => {
  const { bindings, told } = bench();
  const ports = [{ protocol: 'tcp', publishedPort: 8080, targetPort: 80 }] as const;
  const onBack = binding(1, { networkId: 'back', vip: ip('10.0.2.2'), address: ip('10.0.2.3') });
  bindings.add(binding(1, { ports }));
  bindings.add(binding(1));
  bindings.add(onBack);
  expect(told()).toEqual(['add 256 10.0.1.3', 'add 257 10.0.1.3', 'add 258 10.0.2.3']);
  expect([...bindings.balancersOf('front')].map((b) => [b.fwmark, b.ports.length])).toEqual([
    [256, 1],
    [257, 0],
  ]);
  bindings.remove(onBack, true);
  expect(told()).toEqual(['remove 258 10.0.2.3 last']);
  expect([...bindings.balancersOf('back')]).toEqual([]);
});

test('an address that another endpoint has taken over stays a destination', () => {
  const { bindings, told, names } = bench();
  const successor = binding(2, { address: ip('10.0.1.3') });
  bindings.add(binding(1));
  bindings.add(successor);
  expect(told()).toEqual(['add 256 10.0.1.3', 'add 256 10.0.1.3']);
  bindings.remove(binding(1), true);
  expect(told()).toEqual([]);
  expect(names()).toEqual(['tasks.web=10.0.1.3', 'web=10.0.1.2', 'web.2.t2=10.0.1.3']);
  bindings.remove(successor, true);
  expect(told()).toEqual(['remove 256 10.0.1.3 last']);
  expect(names()).toEqual([]);
});

test('without a VIP the names lead to the tasks and the kernel hears nothing', () => {
  const { bindings, told, names } = bench();
  const aliases = { vip: 0, serviceAliases: ['www'], taskAliases: ['one'] };
  bindings.add(binding(1, aliases));
  bindings.add(binding(2, { ...aliases, taskAliases: ['two'] }));
  expect(names()).toEqual([
    'web.1.t1=10.0.1.3',
    'one=10.0.1.3',
    'tasks.web=10.0.1.3,10.0.1.4',
    'web=10.0.1.3,10.0.1.4',
    'tasks.www=10.0.1.3,10.0.1.4',
    'www=10.0.1.3,10.0.1.4',
    'web.2.t2=10.0.1.4',
    'two=10.0.1.4',
  ]);
  bindings.remove(binding(1, aliases), false);
  expect(names()).toContain('web=10.0.1.4');
  expect(names()).not.toContain('one=10.0.1.3');
  bindings.remove(binding(1, aliases), true);
  bindings.remove(binding(2, { ...aliases, taskAliases: ['two'] }), true);
  expect(names()).toEqual([]);
  expect(told()).toEqual([]);
});

test('a service that is disabled and enabled again serves again', () => {
  const { bindings, told, names } = bench();
  bindings.add(binding(1));
  bindings.remove(binding(1), false);
  bindings.add(binding(1));
  expect(told()).toEqual(['add 256 10.0.1.3', 'disable 256 10.0.1.3', 'add 256 10.0.1.3']);
  expect(names()).toContain('tasks.web=10.0.1.3');
});

test('aliases of a VIP that change from task to task', () => {
  const before = { serviceAliases: ['www', 'old'] };
  const after = { serviceAliases: ['www', 'new'] };
  const aliasesAfter = (countsAliases: boolean) => {
    const { bindings, names } = bench(countsAliases);
    bindings.add(binding(1, before));
    bindings.add(binding(2, after));
    bindings.remove(binding(1, before), false);
    bindings.remove(binding(1, before), true);
    return names().filter((name) => name.endsWith('10.0.1.2'));
  };
  expect(aliasesAfter(false)).toEqual(['web=10.0.1.2', 'www=10.0.1.2', 'old=10.0.1.2']);
  expect(aliasesAfter(true).sort()).toEqual(['new=10.0.1.2', 'web=10.0.1.2', 'www=10.0.1.2']);
});

test('published ports that change are another service: a mark and a rule set of their own', () => {
  const { bindings, told } = bench();
  const portsOf = (publishedPort: number) =>
    ({ ports: [{ protocol: 'tcp', publishedPort, targetPort: 80 }] }) as const;
  bindings.add(binding(1, portsOf(8080)));
  bindings.add(binding(2, portsOf(9090)));
  bindings.remove(binding(1, portsOf(8080)), false);
  bindings.remove(binding(1, portsOf(8080)), true);
  expect(told()).toEqual([
    'add 256 10.0.1.3',
    'add 257 10.0.1.4',
    'disable 256 10.0.1.3',
    'remove 256 10.0.1.3 last',
  ]);
});

test('a plain container has its name and its aliases', () => {
  const { bindings, names } = bench();
  const container = binding(7, { serviceId: '', containerName: 'box', taskAliases: ['b'] });
  bindings.addContainer(container);
  expect(names()).toEqual(['box=10.0.1.9', 'b=10.0.1.9']);
  bindings.removeContainer(container);
  expect(names()).toEqual([]);
});
