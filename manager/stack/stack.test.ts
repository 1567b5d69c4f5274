import { expect, test } from 'vitest';
import { SECOND_NS } from '../../sim/time.ts';
import { FakeSwarm } from '../testing/fake-swarm.ts';
import type { ComposeModel } from './compose-model.ts';
import { convertStack } from './convert.ts';
import { deployStack, removeStack } from './deploy.ts';

const MODEL: ComposeModel = {
  services: {
    vote: {
      image: 'vote:1',
      ports: [{ target: 80, published: 5000 }],
      networks: { front: { aliases: ['ballot'] }, back: {} },
      extraHosts: ['gateway:10.9.9.9'],
      deploy: {
        replicas: 2,
        endpointMode: 'vip',
        labels: { tier: 'web' },
        updateConfig: { order: 'start-first', failureAction: 'rollback' },
        restartPolicy: { condition: 'on-failure', delayNs: SECOND_NS },
        limits: { cpus: 0.5, memoryBytes: 2 ** 26 },
      },
    },
    agent: { image: 'agent:1', deploy: { mode: 'global', endpointMode: 'dnsrr' } },
    old: { image: 'old:1', networks: { legacy: {} } },
  },
  networks: {
    back: { ipam: [{ subnet: '10.7.0.0/24', gateway: '10.7.0.254' }] },
    front: { driverOptions: { encrypted: '' } },
    unused: {},
    legacy: { external: true, name: 'legacy-net' },
  },
};

test('names, labels and order are those of docker stack deploy', () => {
  const { networks, services } = convertStack('app', MODEL);
  expect(networks.map((network) => network.annotations.name)).toEqual([
    'app_back',
    'app_front',
    'app_default',
  ]);
  expect(networks[1]!.driverConfig).toEqual({ name: 'overlay', options: { encrypted: '' } });
  const [vote, agent, old] = services;
  expect(vote!.annotations).toEqual({
    name: 'app_vote',
    labels: {
      tier: 'web',
      'com.docker.stack.image': 'vote:1',
      'com.docker.stack.namespace': 'app',
    },
  });
  expect(vote!.task.networks).toEqual([
    { target: 'app_back', aliases: ['vote'] },
    { target: 'app_front', aliases: ['ballot', 'vote'] },
  ]);
  expect(vote!.task.container.hosts).toEqual(['10.9.9.9 gateway']);
  expect(vote!.task.resources?.limits).toEqual({ nanoCpus: 5e8, memoryBytes: 2 ** 26 });
  expect(agent!.mode.kind).toBe('global');
  expect(agent!.task.networks).toEqual([{ target: 'app_default', aliases: ['agent'] }]);
  expect(old!.task.networks![0]!.target).toBe('legacy-net');
});

test('a stack is deployed twice without a change, and removed', () => {
  const swarm = new FakeSwarm(2);
  swarm.run(1);
  const { control, store } = swarm.manager;
  const missing = deployStack(control, 'app', MODEL);
  expect(missing.ok || missing.refusal.message).toBe('network legacy-net not found');
  control.createNetwork({ annotations: { name: 'legacy-net', labels: {} } }, () => {});
  expect(deployStack(control, 'app', MODEL).ok).toBe(true);
  swarm.run(5);
  const tasks = () =>
    control
      .tasks()
      .filter((task) => task.status.state === 512)
      .map((task) => task.id);
  const before = tasks();
  expect(before).toHaveLength(6);
  const back = store.view.networkByName('app_back')!;
  expect(back.ipam!.configs[0]!.gateway).toBe(0x0a07_00fe);
  expect(deployStack(control, 'app', MODEL).ok).toBe(true);
  swarm.run(20);
  expect(tasks()).toEqual(before);
  expect(removeStack(control, 'app')).toEqual([]);
  swarm.run(10);
  expect(control.tasks()).toEqual([]);
  expect(control.networks().map((network) => network.spec.annotations.name)).toEqual(
    expect.arrayContaining(['bridge', 'host', 'ingress', 'legacy-net']),
  );
  expect(swarm.node(1).attachments).toHaveLength(1);
});
