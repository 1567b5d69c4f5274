/**
 * What a wrong stack file is told: the place, what is wrong there, and what would mend it.
 */
import { expect, test } from 'vitest';
import { complaintsOf, type Mistake, yaml } from '../testing/complaints.ts';

const MISTAKES: readonly Mistake[] = [
  {
    name: 'a compose file that is not there',
    scenario: yaml`
      name: x
      until: 3s
      stack: nope.yaml
    `,
    says: [
      "x.yaml:3:8: error: there is no compose file 'nope.yaml'",
      'hint: looked for nope.yaml; the path is relative to the scenario',
    ],
  },
  {
    name: 'an unknown key of a service',
    stack: yaml`
      services:
        web:
          imgae: nginx
    `,
    says: [
      's.yaml:3:5: error: services.web Additional property imgae is not allowed',
      "hint: did you mean 'image'?",
    ],
  },
  {
    name: 'a service without an image',
    stack: yaml`
      services:
        web:
          deploy: { replicas: 2 }
    `,
    says: [
      's.yaml:2:3: error: invalid image reference for service web: no image specified',
      'hint: such as image: nginx:alpine; stack deploy does not build',
    ],
  },
  {
    name: 'an invalid image',
    stack: yaml`
      services:
        web:
          image: "ng inx"
    `,
    says: [
      's.yaml:3:12: error: invalid image reference for service web: invalid reference format',
      'hint: such as nginx:alpine or registry.example.com:5000/team/app:1.2',
    ],
  },
  {
    name: 'two services on one port',
    stack: yaml`
      services:
        web:
          image: nginx
          ports: ["80:80"]
        b:
          image: nginx
          ports:
            - 80:8080
    `,
    says: [
      "s.yaml:8:9: error: port '80' is already in use by service 'web' as an ingress port",
      'hint: the routing mesh gives a published port to one service',
    ],
  },
  {
    name: 'an undefined network',
    stack: yaml`
      services:
        web:
          image: nginx
          networks: [frnt]
      networks:
        front:
    `,
    says: [
      's.yaml:4:16: error: service web: undefined network "frnt"',
      "hint: did you mean 'front'?",
    ],
  },
  {
    name: 'an undefined volume',
    stack: yaml`
      services:
        web:
          image: nginx
          volumes: [data:/x]
    `,
    says: [
      's.yaml:4:15: error: service web: undefined volume "data"',
      'hint: declare it under volumes at the top level',
    ],
  },
  {
    name: 'an undefined dependency',
    stack: yaml`
      services:
        web:
          image: nginx
          depends_on: [rediss]
        redis:
          image: redis
    `,
    says: [
      's.yaml:4:18: warning: service "web" depends on undefined service "rediss"',
      "hint: did you mean 'redis'?",
    ],
  },
  {
    name: 'a bad port',
    stack: yaml`
      services:
        web:
          image: nginx
          ports: ["99999:80"]
    `,
    says: [
      "s.yaml:4:13: error: services.web.ports.0 Does not match format 'ports'",
      'hint: Invalid hostPort: 99999',
    ],
  },
  {
    name: 'port ranges of two lengths',
    stack: yaml`
      services:
        web:
          image: nginx
          ports: ["80-82:80-81"]
    `,
    says: [
      "s.yaml:4:13: error: services.web.ports.0 Does not match format 'ports'",
      'hint: Invalid ranges specified for container and host Ports: 80-81 and 80-82',
    ],
  },
  {
    name: 'networks that services cannot be on, and secrets that nobody has made',
    stack: yaml`
      services:
        web:
          image: nginx
          networks: [local, shared, nothing, mine]
          secrets: [key, { source: cert }]
      networks:
        local: { driver: macvlan }
        shared: { external: true }
        nothing: { external: true, name: none }
        mine: { external: true, name: host }
        unused: { driver: bridge }
      secrets:
        key: { external: true, name: the-key }
    `,
    says: [
      's.yaml:5:15: error: service web: secret not found: the-key',
      'hint: nobody has made it before the stack: give the secret a file',
      's.yaml:5:20: error: service web: undefined secret "cert"',
      'hint: declare it under secrets at the top level',
      's.yaml:7:20: error: failed to create service s_web: Error response from daemon: The network ' +
        's_local cannot be used with services. Only networks scoped to the swarm can be used, such ' +
        'as those created with the overlay driver.',
      'hint: leave the driver out, or say overlay',
      's.yaml:8:23: error: network "shared" is declared as external, but could not be found. You need ' +
        'to create a swarm-scoped network before the stack is deployed',
      'hint: leave external out, so that the stack makes it',
      's.yaml:9:24: error: failed to create service s_web: Error response from daemon: could not find ' +
        'the corresponding predefined swarm network: network none not found',
      'hint: services can be on host and bridge',
    ],
  },
  {
    name: 'an option of networks that stacks do not have',
    stack: yaml`
      services:
        web: { image: nginx, networks: [back] }
      networks:
        back: { enable_ipv6: true, driver_opts: { encrypted: "" } }
    `,
    says: [
      's.yaml:4:11: error: networks.back Additional property enable_ipv6 is not allowed',
      'hint: known are: name, driver, driver_opts, ipam, external, internal, attachable, labels',
    ],
  },
  {
    name: 'a bad constraint',
    stack: yaml`
      services:
        web:
          image: nginx
          deploy:
            placement:
              constraints: [node.role = worker]
    `,
    says: [
      's.yaml:6:23: error: constraint expected one operator from ==, !=',
      'hint: such as node.role == worker or node.labels.rack != a',
    ],
  },
  {
    name: 'no services',
    stack: yaml`
      services:
    `,
    says: ['s.yaml:1:10: error: services must be a mapping', 'hint: '],
  },
  {
    name: 'a required variable',
    stack: yaml`
      services:
        web:
          image: nginx:$\{TAG:?which one}
    `,
    says: [
      's.yaml:3:12: error: invalid interpolation format for services.web.image: "required variable ' +
        'TAG is missing a value: which one"; you may need to escape any $ with another $',
      'hint: give it a value under environment in the scenario',
    ],
  },
  {
    name: 'an option of another tool',
    stack: yaml`
      services:
        web:
          image: nginx
          mem_limit: 5m
    `,
    says: [
      's.yaml:4:5: error: Compose file contains unsupported options:\n\n' +
        'mem_limit: Set resource limits using deploy.resources\n',
      'hint: ',
    ],
  },
  {
    name: 'ignored options',
    stack: yaml`
      services:
        web:
          image: nginx
          restart: always
          build: .
    `,
    says: ['s.yaml:5:5: warning: Ignoring unsupported options: build, restart', 'hint: '],
  },
  {
    name: 'a call to nobody',
    stack: yaml`
      services:
        web:
          image: nginx
          x-swarmlab:
            calls: [{ to: "tcp://redis:6379", every: 1s }]
    `,
    says: ["s.yaml:5:21: error: unknown service 'redis'", 'hint: known are: web'],
  },
  {
    name: 'a misspelt key of a program',
    stack: yaml`
      services:
        web:
          image: nginx
          x-swarmlab:
            listen: [{ port: 80, respons: 2kB }]
    `,
    says: [
      "s.yaml:5:28: error: unknown key 'respons' in this entry",
      "hint: did you mean 'response'?",
    ],
  },
];

test.each(MISTAKES)('$name', (mistake) => {
  expect(complaintsOf(mistake)).toEqual(mistake.says);
});
