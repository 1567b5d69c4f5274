import { expect, test } from 'vitest';
import { parsePrefix } from '../../wire/addresses.ts';
import { EndpointMode, type PortConfig, PublishMode } from '../objects/endpoint.ts';
import type { Network, NetworkSpec } from '../objects/network.ts';
import type { Service, ServiceSpec } from '../objects/service.ts';
import { TaskState } from '../objects/task-state.ts';
import { FakeSwarm, replicated } from '../testing/fake-swarm.ts';
import { answerOf, formatRefusal, type Result } from './result.ts';

function textOf(result: Result<unknown>): string {
  return result.ok ? 'ok' : formatRefusal(result.refusal);
}

function port(publishedPort: number, publishMode: PublishMode = PublishMode.ingress): PortConfig {
  return { name: '', protocol: 0, targetPort: 80, publishedPort, publishMode };
}

function publishing(name: string, ...ports: PortConfig[]): ServiceSpec {
  return { ...replicated(name, 1), endpoint: { mode: EndpointMode.vip, ports } };
}

function onNetwork(name: string, target: string): ServiceSpec {
  const spec = replicated(name, 1);
  return { ...spec, task: { ...spec.task, networks: [{ target }] } };
}

const INVALID = 'rpc error: code = InvalidArgument desc = ';
const dnsrr = { mode: EndpointMode.dnsrr, ports: [port(80)] };
const limits = (nanoCpus: number, memoryBytes: number) => ({
  task: { container: { image: 'a' }, resources: { limits: { nanoCpus, memoryBytes } } },
});

test.each<[ServiceSpec, string]>([
  [replicated('', 1), `${INVALID}meta: name must be provided`],
  [replicated('-web', 1), `${INVALID}name must be valid as a DNS name component`],
  [replicated('a'.repeat(64), 1), `${INVALID}name must be 63 characters or fewer`],
  [
    replicated('web', 1, { task: { container: { image: '' } } }),
    `${INVALID}ContainerSpec: image reference must be provided`,
  ],
  [
    replicated('web', 1, limits(1000, 0)),
    `${INVALID}invalid cpu value 0.000001: Must be at least 0.001`,
  ],
  [replicated('web', 1, limits(0, 5)), `${INVALID}invalid memory value 5: Must be at least 4MiB`],
  [
    replicated('web', 1, { update: { delayNs: -1 } }),
    `${INVALID}TaskSpec: update-delay cannot be negative`,
  ],
  [
    replicated('web', 1, { update: { maxFailureRatio: 2 } }),
    `${INVALID}TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1`,
  ],
  [
    publishing('web', port(80), port(80)),
    `${INVALID}EndpointSpec: duplicate published ports provided`,
  ],
  [
    replicated('web', 1, { endpoint: dnsrr }),
    `${INVALID}EndpointSpec: port published with ingress mode can't be used with dnsrr mode`,
  ],
  [onNetwork('web', 'nowhere'), 'rpc error: code = NotFound desc = network nowhere not found'],
])('service spec %#', (spec, expected) => {
  const { control } = new FakeSwarm(0).manager;
  expect(textOf(answerOf((reply) => control.createService(spec, reply)))).toBe(expected);
});

test('names and ports conflict', () => {
  const swarm = new FakeSwarm(0);
  const { control } = swarm.manager;
  const web = swarm.createService(publishing('web', port(8080)));
  const create = (spec: ServiceSpec) =>
    textOf(answerOf((reply) => control.createService(spec, reply)));
  expect(create(replicated('web', 1))).toBe(
    'rpc error: code = AlreadyExists desc = ' +
      'name conflicts with an existing object: service web already exists',
  );
  expect(create(publishing('other', port(8080)))).toBe(
    `${INVALID}port '8080' is already in use by service 'web' (${web.id}) as an ingress port`,
  );
  const host = swarm.createService(publishing('host', port(9090, PublishMode.host)));
  expect(create(publishing('third', port(9090)))).toBe(
    `${INVALID}port '9090' is already in use by service 'host' (${host.id}) as a host-published port`,
  );
  expect(create(publishing('fourth', port(9090, PublishMode.host)))).toBe('ok');
});

test('updates are checked against version, name and mode', () => {
  const swarm = new FakeSwarm(0);
  const { control } = swarm.manager;
  const { id, meta, spec } = swarm.createService(replicated('web', 1));
  swarm.run(3);
  const update = (version: number | undefined, changed: ServiceSpec) =>
    textOf(answerOf((reply) => control.updateService(id, version, changed, reply)));
  const stale = meta.version - 1;
  expect(update(stale, spec)).toBe('rpc error: code = Unknown desc = update out of sequence');
  expect(update(undefined, replicated('new', 1))).toBe(
    'rpc error: code = Unimplemented desc = renaming services is not supported',
  );
  expect(update(undefined, { ...spec, mode: { kind: 'global' } })).toBe(
    'rpc error: code = Unimplemented desc = service mode change is not allowed',
  );
  expect(textOf(answerOf<Service>((reply) => control.rollBackService(id, reply)))).toBe(
    `rpc error: code = FailedPrecondition desc = service ${id} does not have a previous spec`,
  );
});

test('networks', () => {
  const swarm = new FakeSwarm(0);
  const { control } = swarm.manager;
  swarm.run(1);
  const create = (spec: NetworkSpec) =>
    answerOf<Network>((reply) => control.createNetwork(spec, reply));
  const net = create({ annotations: { name: 'net', labels: {} } });
  expect(textOf(create({ annotations: { name: 'net', labels: {} } }))).toContain(
    'network with name net already exists',
  );
  const ingress = control.findNetwork('ingress');
  if (!net.ok || !ingress.ok) throw new Error('no network');
  const second = create({ annotations: { name: 'mesh', labels: {} }, ingress: true });
  expect(textOf(second)).toContain(`ingress network (${ingress.value.id}) is already present`);
  const overlapping = create({
    annotations: { name: 'twin', labels: {} },
    ipam: {
      driver: { name: 'default', options: {} },
      configs: [{ subnet: parsePrefix('10.0.1.128/25')! }],
    },
  });
  if (!overlapping.ok) throw new Error('an overlapping network is accepted, but not allocated');
  expect(swarm.manager.store.view.network(overlapping.value.id)!.ipam).toBeUndefined();
  const web = swarm.createService(onNetwork('web', 'net'));
  const remove = (id: string) => textOf(answerOf((reply) => control.removeNetwork(id, reply)));
  expect(remove(net.value.id)).toContain(`${net.value.id} is in use by service ${web.id}`);
  const bridge = control.findNetwork('bridge');
  if (!bridge.ok) throw new Error('no bridge');
  expect(remove(bridge.value.id)).toContain(
    '(bridge) is a swarm predefined network and cannot be removed',
  );
  const published = swarm.createService(publishing('pub', port(80)));
  expect(remove(ingress.value.id)).toContain(
    `ingress network cannot be removed because service ${published.id} depends on it`,
  );
});

test('nodes are removed when they are down or by force, and their tasks are orphaned', () => {
  const swarm = new FakeSwarm(2);
  const { control } = swarm.manager;
  swarm.run(1);
  const web = swarm.createService(replicated('web', 3));
  swarm.run(3);
  const remove = (index: number, isForced: boolean) => {
    const id = swarm.nodeId(index);
    return textOf(answerOf((reply) => control.removeNode(id, isForced, reply)));
  };
  expect(remove(1, false)).toContain("is not down and can't be removed");
  expect(remove(0, true)).toContain('It must be demoted to worker before removal');
  const [lost] = swarm.runningTasks(web.id).filter((task) => task.nodeId === swarm.nodeId(1));
  expect(remove(1, true)).toBe('ok');
  expect(swarm.manager.store.view.task(lost!.id)!.status.state).toBe(TaskState.orphaned);
  expect(swarm.manager.store.view.task(lost!.id)!.status.message).toBe(
    'Task belonged to a node that has been deleted',
  );
  swarm.run(10);
  expect(swarm.placement(web.id)).toHaveLength(3);
});

test('names are resolved as the Engine API does', () => {
  const swarm = new FakeSwarm(0);
  const { control } = swarm.manager;
  const web = swarm.createService(replicated('web', 1));
  const found = control.findService(web.id.slice(0, 6));
  expect(found.ok && found.value.id).toBe(web.id);
  expect(textOf(control.findService('nothing'))).toContain('service nothing not found');
});

test('a manager that does not run refuses', () => {
  const swarm = new FakeSwarm(0);
  swarm.manager.crash();
  const { control } = swarm.manager;
  const answer = answerOf<Service>((reply) => control.createService(replicated('a', 1), reply));
  expect(textOf(answer)).toContain('The swarm does not have a leader.');
});
