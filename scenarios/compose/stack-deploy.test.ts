/**
 * A stack file through the reader and the manager's conversion, against what docker CLI 28.2.2 asked
 * of a real engine for the same stack (`docker stack deploy -c stack.yml demo`, recorded requests).
 */
import { expect, test } from 'vitest';
import { convertStack } from '../../manager/stack/convert.ts';
import { LocatedYaml } from '../language/located-yaml.ts';
import { yaml } from '../testing/complaints.ts';
import { loadCompose } from './load.ts';

const STACK = yaml`
  version: "3.8"
  services:
    db:
      image: tiny:1
      command: sleep 86400
      environment: { POSTGRES_PASSWORD: postgres }
      volumes: [db-data:/var/lib/data]
      networks: [back]
      deploy: { placement: { constraints: ["node.role == manager"] } }
    agent:
      image: tiny:1
      command: sleep 86400
      networks: [front, back]
      deploy: { mode: global }
    web:
      image: tiny:1
      command: httpd -f -p 8080
      networks: [front]
      configs: [app_conf]
      deploy:
        replicas: 2
        update_config: { delay: 2s, order: start-first }
        restart_policy: { condition: on-failure, delay: 5s, max_attempts: 3 }
  networks:
    front:
    back: { attachable: true }
  volumes:
    db-data:
  configs:
    app_conf: { file: ./app.conf }
`;

const NAMESPACE = { 'com.docker.stack.namespace': 'demo' };

test('networks and services are those that the real client asks for', () => {
  const { model, issues } = loadCompose(new LocatedYaml('stack.yml', STACK), {});
  expect(issues).toEqual([]);
  const { networks, services } = convertStack('demo', model!);
  expect(networks.map((network) => [network.annotations, network.attachable])).toEqual([
    [{ name: 'demo_front', labels: NAMESPACE }, false],
    [{ name: 'demo_back', labels: NAMESPACE }, true],
  ]);
  const asked = services.map(({ annotations, task, mode }) => ({
    annotations,
    args: task.container.args,
    env: task.container.env ?? [],
    networks: task.networks?.map(({ target, aliases }) => ({ target, aliases })),
    constraints: task.placement?.constraints ?? [],
    mode: mode.kind,
  }));
  const labels = { 'com.docker.stack.image': 'tiny:1', ...NAMESPACE };
  const rest = { env: [], constraints: [], mode: 'replicated' };
  expect(asked).toEqual([
    {
      ...rest,
      annotations: { name: 'demo_db', labels },
      args: ['sleep', '86400'],
      env: ['POSTGRES_PASSWORD=postgres'],
      networks: [{ target: 'demo_back', aliases: ['db'] }],
      constraints: ['node.role == manager'],
    },
    {
      ...rest,
      annotations: { name: 'demo_agent', labels },
      args: ['sleep', '86400'],
      networks: [
        { target: 'demo_back', aliases: ['agent'] },
        { target: 'demo_front', aliases: ['agent'] },
      ],
      mode: 'global',
    },
    {
      ...rest,
      annotations: { name: 'demo_web', labels },
      args: ['httpd', '-f', '-p', '8080'],
      networks: [{ target: 'demo_front', aliases: ['web'] }],
    },
  ]);
});

test('update and restart settings are those that the real client asks for', () => {
  const { model } = loadCompose(new LocatedYaml('stack.yml', STACK), {});
  const web = convertStack('demo', model!).services[2]!;
  expect(web.mode).toEqual({ kind: 'replicated', replicas: 2 });
  // Parallelism 1, Delay 2 s, Order start-first; Condition on-failure, Delay 5 s, MaxAttempts 3.
  expect(web.update).toMatchObject({ parallelism: 1, delayNs: 2e9, order: 1 });
  expect(web.task.restart).toMatchObject({ condition: 1, delayNs: 5e9, maxAttempts: 3 });
});
