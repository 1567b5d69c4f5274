/**
 * The scenario language: what a scenario file may say, as zod schemas, and the typed scenario that
 * comes out. Defaults are here; checks that need to know all names (nodes, services, traffic) are in
 * `check.ts`.
 */
import { z } from 'zod';
import { FURTHER_CARDS, NAT_KINDS } from '../../cluster/host-addresses.ts';
import { TOO_LONG } from '../../cluster/underlay/conditions.ts';
import { DEFAULT_CLUSTER_SPEC } from '../../manager/objects/cluster.ts';
import { KERNEL_RELEASES } from '../../net/kernel-release.ts';
import { DEFAULT_ENGINE_VERSION, ENGINE_VERSIONS } from '../../node/engine-version.ts';
import { KERNEL_MODULES } from '../../node/host/kernel-modules.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { EARLY_DRIVERS } from '../../vxlan/early-peer-database.ts';
import { daemon, prefix } from './daemon.ts';
import { dns } from './dns.ts';
import { gossip } from './gossip.ts';
import { nodes } from './node-names.ts';
import { pluginFault, plugins } from './plugins.ts';
import { bandwidth, drift, ratio, span, spanDistribution, spanRange } from './quantities.ts';
import { traffic } from './traffic.ts';

/** Two ends of something that goes both ways. */
function twoOf<T extends z.ZodType>(end: T) {
  return z.tuple([end, end], { error: 'expected two ends, such as [rack-a, rack-b]' });
}

const dockerVersion = z
  .union([z.string(), z.number()])
  .transform(String)
  .meta({ description: `whose rules the hosts write: ${ENGINE_VERSIONS.join(', ')}` });

const missingModules = z.array(z.enum(KERNEL_MODULES)).meta({
  description: 'kernel modules that the hosts lack: ip_vs (no load balancing), esp (no encryption)',
});

const kernel = z
  .union([z.enum(KERNEL_RELEASES), z.number().transform(String).pipe(z.enum(KERNEL_RELEASES))])
  .meta({
    description: `the hosts' Linux, which differ in ipvs and neighbours: ${KERNEL_RELEASES.join(', ')}`,
  });

const firewalld = z.boolean().meta({ description: 'firewalld runs on the hosts' });

const overlayDriver = z
  .union([z.enum(EARLY_DRIVERS), z.number().transform(String).pipe(z.enum(EARLY_DRIVERS))])
  .meta({
    description: 'an overlay driver of 2017, with its mistakes; default: that of the engine',
  });

const link = {
  latency: spanRange.optional().meta({ description: 'one-way delay, uniform in the range' }),
  loss: ratio.optional().meta({ description: 'chance that a packet is lost' }),
  duplicate: ratio.optional().meta({ description: 'chance that a packet arrives twice' }),
  reorder: ratio.optional().meta({ description: 'chance that a packet may overtake others' }),
  bandwidth: bandwidth.optional(),
  mtu: z.int().min(576).max(9216).optional().meta({ description: 'largest IP packet in bytes' }),
  'too-long': z.enum(TOO_LONG).optional().meta({
    description:
      'longer packets vanish, or are routed: cut or reported, with fragments filtered or not',
  }),
};

const underlay = z
  .strictObject({
    ...link,
    'mac-filter': nodes.optional().meta({
      description:
        'nodes whose switch port lets frames of their own cards through only, as clouds do',
    }),
    'bad-tunnel-offload': nodes.optional().meta({
      description:
        'nodes whose card fills in wrong checksums inside VXLAN on UDP 4789 and 8472, unless ethtool forbids it',
    }),
    hosts: z.record(z.string(), z.strictObject(link)).optional().meta({
      description: 'conditions of everything that a host sends and receives',
    }),
    pairs: z
      .array(z.strictObject({ between: twoOf(z.string()), ...link }))
      .optional()
      .meta({ description: 'conditions between two nodes or racks, both ways' }),
  })
  .meta({ description: 'the network between the hosts' });

const portTarget = {
  target: z.int().min(1).max(65_535).meta({ description: 'the port of the container' }),
  protocol: z.enum(['tcp', 'udp', 'sctp']).default('tcp'),
  mode: z.enum(['ingress', 'host']).default('ingress'),
};

const portUpdate = z
  .strictObject({
    service: z.string(),
    'publish-add': z
      .array(
        z.strictObject({
          published: z
            .int()
            .min(0)
            .max(65_535)
            .default(0)
            .meta({ description: '0: any that is free' }),
          ...portTarget,
        }),
      )
      .default([])
      .meta({ description: 'ports as docker service update --publish-add' }),
    'publish-rm': z.array(z.strictObject(portTarget)).default([]).meta({
      description: 'ports as docker service update --publish-rm, by their target',
    }),
  })
  .refine((update) => update['publish-add'].length + update['publish-rm'].length > 0, {
    error: 'publish-add or publish-rm, or both',
  });

const cluster = z
  .strictObject({
    docker: dockerVersion.default(DEFAULT_ENGINE_VERSION),
    'overlay-driver': overlayDriver.optional(),
    managers: z.int().min(1).max(7).default(1).meta({ description: 'how many, from 1 to 7' }),
    workers: z.int().min(0).max(1000).default(0).meta({ description: 'how many, up to 1000' }),
    interfaces: z
      .partialRecord(z.enum(FURTHER_CARDS), nodes)
      .default({})
      .meta({ description: 'cards beside eth0, on a network each, and the nodes that have them' }),
    ipv6: z.enum(['none', 'cards', 'advertised']).default('none').meta({
      description:
        'IPv6 addresses of the hosts (fd00:56::101, …): none, beside those of IPv4, or what they advertise',
    }),
    racks: z.record(z.string(), z.array(z.string()).min(1)).default({}).meta({
      description: 'names for groups of nodes',
    }),
    nodes: z
      .record(
        z.string(),
        z.strictObject({
          docker: dockerVersion.optional(),
          'overlay-driver': overlayDriver.optional(),
          labels: z.record(z.string(), z.string()).optional(),
          kernel: kernel.optional(),
          'missing-modules': missingModules.optional(),
          firewalld: firewalld.optional(),
          daemon: daemon.optional(),
          availability: z.enum(['active', 'pause', 'drain']).optional(),
          nat: z.enum(NAT_KINDS).optional().meta({
            description: 'its eth0 is behind NAT: a box has its address, and it has 10.99.N.2',
          }),
          'advertise-addr': z.string().optional().meta({
            description: 'where the others find its gossip: an interface or address; default eth0',
          }),
          'data-path-addr': z.string().optional().meta({
            description:
              'where the others send VXLAN: an interface or address; default as advertise-addr',
          }),
          'clock-drift': drift.optional().meta({
            description: "by how much its clock is fast, or slow: membership's timers go by it",
          }),
        }),
      )
      .default({})
      .meta({ description: 'what is special about a node, by its name' }),
    kernel: kernel.optional(),
    'missing-modules': missingModules.default([]),
    firewalld: firewalld.default(false),
    'data-path-port': z
      .int()
      .min(1024)
      .max(49_151)
      .default(DEFAULT_CLUSTER_SPEC.dataPathPort)
      .meta({
        description: 'UDP port of VXLAN, as docker swarm init --data-path-port',
      }),
    'default-addr-pool': z.array(prefix).min(1).optional().meta({
      description: 'where overlay subnets come from, as docker swarm init --default-addr-pool',
    }),
    'dispatcher-heartbeat': span.default(5 * SECOND_NS).meta({
      description: 'as docker swarm update --dispatcher-heartbeat; a node is down after three',
    }),
    daemon: daemon.optional(),
    plugins: plugins.default({}),
    gossip: gossip.optional(),
    underlay: underlay.default({}),
    dns: dns.default({ servers: [], search: [] }),
  })
  .meta({ description: 'the hosts: manager-1, manager-2, … and worker-1, worker-2, …' });

const pairOrNodes = z.union([nodes, z.strictObject({ between: twoOf(nodes) })]);

const filter = {
  protocol: z.enum(['udp', 'tcp', 'icmp', 'icmpv6', 'esp']).optional(),
  port: z.int().min(1).max(65535).optional(),
};

const impairment = {
  between: twoOf(nodes).optional().meta({ description: 'two ends, both ways' }),
  from: nodes.optional(),
  to: nodes.optional(),
  for: span.optional().meta({ description: 'how long; default: until healed' }),
  ...filter,
};

/** Starvation comes in bursts that a window of time can tell apart. */
const burst = span.refine((spanNs) => spanNs >= MILLISECOND_NS, 'a burst lasts 1ms or longer');

const keyName = z
  .string()
  .min(1)
  .optional()
  .meta({ description: 'the name of a key, as in cluster.gossip.keyring' });

const composeFiles = z.union([z.string(), z.array(z.string()).min(1)]);

/** `docker compose` on a node: a file to bring up, or files and what to do with them. */
const composeCommand = z
  .union([
    composeFiles,
    z.strictObject({
      files: composeFiles.meta({ description: 'each is laid over the one before it' }),
      profiles: z.array(z.string()).default([]),
      project: z.string().optional().meta({ description: 'its name; default: that of the file' }),
      command: z.enum(['up', 'down']).default('up'),
      'remove-orphans': z.boolean().default(false),
    }),
  ])
  .transform((input) => {
    const options = typeof input === 'string' || Array.isArray(input) ? { files: input } : input;
    return { ...COMPOSE_UP, ...options, files: [options.files].flat() };
  });

const COMPOSE_UP = {
  profiles: [] as string[],
  project: undefined as string | undefined,
  command: 'up' as 'up' | 'down',
  'remove-orphans': false,
};

const verbs = {
  crash: nodes.optional().meta({ description: 'power off: the host and all on it are gone' }),
  restart: nodes.optional().meta({ description: 'a crashed host boots; a running one reboots' }),
  pause: nodes.optional().meta({ description: 'the engine process stops, the host stays' }),
  resume: nodes.optional().meta({ description: 'the paused engine goes on' }),
  partition: pairOrNodes.optional().meta({
    description: 'nothing passes between these and the rest, or between two groups',
  }),
  heal: z
    .union([z.literal('all'), z.literal(true), nodes])
    .optional()
    .meta({
      description: 'takes partitions, drops, delays and starvation back',
    }),
  drop: z
    .strictObject({ ...impairment, loss: ratio.default(1) })
    .optional()
    .meta({ description: 'packets are lost' }),
  delay: z
    .strictObject({ ...impairment, by: spanRange })
    .optional()
    .meta({ description: 'packets take longer' }),
  starve: z
    .strictObject({
      nodes,
      wait: spanDistribution.meta({
        description: 'how long each time: 2s, 1s..5s, exponential(300ms), lognormal(100ms, 1.5), …',
      }),
      share: ratio.default(1).meta({ description: 'in which share of the time it has to wait' }),
      burst: burst
        .optional()
        .meta({ description: 'how long a time with waits lasts, such as 10s' }),
      for: span.optional().meta({ description: 'how long; default: until healed' }),
    })
    .optional()
    .meta({ description: 'the engine process has to wait for a CPU; all that it does is late' }),
  keys: z
    .strictObject({ nodes, install: keyName, use: keyName, remove: keyName })
    .refine(
      ({ install, use, remove }) => [install, use, remove].filter(Boolean).length === 1,
      'install, use or remove, one of them',
    )
    .optional()
    .meta({ description: 'a gossip key is installed, becomes the primary one, or is removed' }),
  plugin: pluginFault.optional(),
  scale: z
    .record(z.string(), z.int().min(0).meta({ description: 'how many tasks it should have' }))
    .optional()
    .meta({ description: 'services and how many tasks they should have' }),
  drain: nodes.optional().meta({ description: 'tasks leave the node, and none come' }),
  activate: nodes.optional().meta({ description: 'tasks may come to the node again' }),
  update: z.union([z.string(), portUpdate]).optional().meta({
    description:
      'replaces all tasks of a service, or publishes other ports, for which all are replaced',
  }),
  leave: nodes.optional().meta({ description: 'docker swarm leave, typed on the node' }),
  demote: nodes.optional().meta({ description: 'docker node demote' }),
  remove: z.string().optional().meta({ description: 'removes a service' }),
  compose: z.record(z.string(), composeCommand).optional().meta({
    description: 'docker compose up -d of files on nodes, such as { worker-1: shop.compose.yaml }',
  }),
  systemctl: z.record(z.string(), z.string()).optional().meta({
    description: 'stop, start, restart or kill dockerd: { worker-1: restart docker }',
  }),
  docker: z
    .record(z.string(), z.union([z.string(), z.array(z.string()).min(1)]))
    .optional()
    .meta({
      description: 'what somebody types on nodes, such as { worker-1: run -d -p 8080:80 nginx }',
    }),
  exec: z
    .strictObject({
      on: z.string().meta({ description: 'a node, outside, or a service: its first container' }),
      container: z.string().optional().meta({ description: 'of the node: vote, vote.2, an id' }),
      netns: z.string().optional().meta({ description: 'of the node: ingress_sbox, lb_…, 1-…' }),
      run: z
        .union([z.string().min(1), z.array(z.string()).min(1)])
        .meta({ description: 'a command line: ping -c 3 redis, iptables -I INPUT -j DROP' }),
      for: span.default(60 * SECOND_NS).meta({ description: 'after this it is interrupted' }),
    })
    .optional()
    .meta({ description: 'a tool runs on a node or in a container' }),
};

/** The verbs of the timeline. */
export const VERBS = Object.keys(verbs) as (keyof typeof verbs)[];

const entry = z
  .strictObject({
    at: span,
    as: z.string().optional().meta({ description: 'a name for expectations to refer to' }),
    ...verbs,
  })
  .meta({ description: 'one thing that happens: at, and exactly one verb' });

/** A scenario file. */
export const scenarioSchema = z
  .strictObject({
    $schema: z.string().optional(),
    name: z.string().min(1).meta({ description: 'what reports call it' }),
    description: z.string().optional(),
    seed: z.union([z.string(), z.number()]).transform(String).optional(),
    cluster: cluster.default(() => cluster.parse({})),
    stack: z.string().optional().meta({ description: 'a compose file beside the scenario' }),
    environment: z
      .record(z.string(), z.union([z.string(), z.number()]).transform(String))
      .default({}),
    traffic: z.array(traffic).default([]).meta({ description: 'a list of clients' }),
    timeline: z
      .array(entry)
      .default([])
      .meta({ description: 'a list of what happens, such as { at: 30s, crash: worker-2 }' }),
    until: span.meta({ description: 'when the run ends, such as 180s' }),
    tables: z.enum(['none', 'slowest', 'all']).optional().meta({
      description: "of NetworkDB's changed entries: nothing, curves and the slowest, or every one",
    }),
    expect: z
      .array(z.string())
      .default([])
      .meta({ description: 'sentences, such as: node worker-2 is down within 20s of crash' }),
  })
  .meta({
    title: 'swarmlab scenario',
    description: 'What happens to a swarm, and what should come of it.',
  });

/** A scenario that was read; spans in ns, ratios in [0, 1], rates per second. */
export type Scenario = z.output<typeof scenarioSchema>;
/** A scenario as people write it, for the library's callers. */
export type ScenarioInput = z.input<typeof scenarioSchema>;
/** One entry of the timeline. */
export type TimelineEntry = Scenario['timeline'][number];
/** What somebody does with a compose project. */
export type ComposeCommand = NonNullable<TimelineEntry['compose']>[string];

/** What tells two projects of one scenario apart. */
export function projectKey({ files, profiles, project }: ComposeCommand): string {
  return JSON.stringify([files, profiles, project ?? null]);
}
