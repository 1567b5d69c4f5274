/**
 * What the two tools say of files that their schemas refuse, in their own words: gojsonschema's as
 * docker/cli picks one of them, santhosh-tekuri/jsonschema's as compose-go does.
 */
import { expect, test } from 'vitest';
import { composeComplaintOf } from './compose-words.ts';
import { stackComplaintOf } from './stack-words.ts';

const web = (service: unknown) => ({ services: { web: service } });

test.each([
  [
    { foo: 1, ...web({ image: 'x' }) },
    '(root) Additional property foo is not allowed',
    " additional properties 'foo' not allowed",
  ],
  [
    web({ image: 'x', imgae: 1, poorts: [] }),
    'services.web Additional property imgae is not allowed',
    "services.web additional properties 'imgae', 'poorts' not allowed",
  ],
  [web({ ports: 80 }), 'services.web.ports must be a list', 'services.web.ports must be a array'],
  [web('x'), 'services.web must be a mapping', 'services.web must be a mapping'],
  [
    web({ ports: ['80:80', '80:80'] }),
    'services.web.ports array items[0,1] must be unique',
    'services.web.ports items at 0 and 1 are equal',
  ],
  [
    web({ networks: { front: { aliases: 'a' } } }),
    'services.web.networks.front.aliases must be a list',
    'services.web.networks.front.aliases must be a array',
  ],
  [
    web({ environment: { A: { b: 1 } } }),
    'services.web.environment.A must be a string, number or null',
    'services.web.environment.A must be a boolean, null, number or string',
  ],
  [
    web({ healthcheck: { interval: 5 } }),
    'services.web.healthcheck.interval must be a string',
    'services.web.healthcheck.interval must be a string',
  ],
  [
    web({ deploy: { update_config: { order: 'up' } } }),
    'services.web.deploy.update_config.order services.web.deploy.update_config.order must be one of ' +
      'the following: "start-first", "stop-first"',
    "services.web.deploy.update_config.order value must be one of 'start-first', 'stop-first'",
  ],
  [
    web({ depends_on: { db: {} } }),
    'services.web.depends_on must be a list',
    "services.web.depends_on.db missing property 'condition'",
  ],
  [
    web({ ports: [{ published: 80, wrong: 1 }] }),
    'services.web.ports.0 Additional property wrong is not allowed',
    "services.web.ports.0 additional properties 'wrong' not allowed",
  ],
  [
    web({ command: 5 }),
    'services.web.command must be a string',
    'services.web.command must be a null',
  ],
  [{ version: 3.8, ...web({}) }, 'version must be a string', 'version must be a string'],
  [{ version: '2.4', ...web({}) }, 'unsupported Compose file version: 2.4', undefined],
  [
    { version: '3.0', ...web({ init: true }) },
    'services.web Additional property init is not allowed',
    undefined,
  ],
  [
    { name: 'n', ...web({ stop_grace_period: '5' }) },
    "services.web.stop_grace_period Does not match format 'duration'",
    undefined,
  ],
])('%j', (file, stack, compose) => {
  expect(stackComplaintOf(file)?.message).toBe(stack);
  expect(composeComplaintOf(file)?.message).toBe(compose);
});
