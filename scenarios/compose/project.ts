/**
 * A compose file as `docker compose up` reads it for one host: services become containers of their
 * own, networks bridges unless they say otherwise, and the options that a swarm ignores count
 * (compose-go `loader`, docker/compose `pkg/compose/create.go`).
 */
import { z } from 'zod';
import type { ComposeProject } from '../../node/daemon/compose-up.ts';
import type {
  ContainerPort,
  ContainerRequest,
  EndpointRequest,
  NetworkRequest,
  PortBinding,
} from '../../node/daemon/requests.ts';
import {
  NO_RESTART,
  parseRestartPolicy,
  type RestartPolicy,
} from '../../node/daemon/restart-policy.ts';
import { parseExpose, parsePublish } from '../../node/docker/port-spec.ts';
import { parseIpv4Address, parseMac, parsePrefix } from '../../wire/addresses.ts';
import type { Issue } from '../language/issue.ts';
import type { LocatedYaml } from '../language/located-yaml.ts';
import type { StackFile, StackNetwork, StackService } from './stack-file.ts';
import { text, texts } from './values.ts';
import { programOf } from './x-swarmlab.ts';

/** What a swarm has no use for; of one service, as it stands in the file. */
const hostOptions = z.object({
  container_name: text.optional(),
  links: texts.optional(),
  mac_address: text.optional(),
  network_mode: text.optional(),
  domainname: text.optional(),
  restart: text.optional(),
  ports: z.array(z.unknown()).optional(),
  expose: z.array(z.union([z.string(), z.number()])).optional(),
});

/** What the conditions of `deploy.restart_policy` are called where there is no swarm. */
const DEPLOY_CONDITIONS = { none: 'no', 'on-failure': 'on-failure', any: 'always' } as const;

type HostOptions = z.output<typeof hostOptions>;

/** A project, or what is wrong with the file. */
export type ProjectResult = { readonly project: ComposeProject } | { readonly issues: Issue[] };

/** Reads a file whose format is right; `raw` is the same before its spellings were reduced. */
export function projectOf(
  file: StackFile,
  raw: unknown,
  document: LocatedYaml,
  defaultName: string,
): ProjectResult {
  const reader = new ProjectReader(file, raw, document, file.name ?? defaultName);
  const project = reader.project();
  return reader.issues.length === 0 ? { project } : { issues: reader.issues };
}

class ProjectReader {
  readonly issues: Issue[] = [];
  readonly #services: Readonly<Record<string, StackService>>;
  readonly #networks: Readonly<Record<string, StackNetwork>>;
  readonly #raw: Readonly<Record<string, unknown>>;
  readonly #document: LocatedYaml;
  readonly #name: string;

  constructor(file: StackFile, raw: unknown, document: LocatedYaml, name: string) {
    this.#services = withoutNulls(file.services ?? {});
    this.#networks = withoutNulls({ default: {}, ...file.networks });
    this.#raw = (raw as { services?: Record<string, unknown> }).services ?? {};
    this.#document = document;
    this.#name = name;
  }

  project(): ComposeProject {
    const order = this.#order();
    const containers = order.flatMap((service) => this.#containersOf(service));
    const used = new Set(order.flatMap((service) => Object.keys(this.#placesOf(service))));
    const own = [...used].filter((key) => Object.hasOwn(this.#networks, key)).sort();
    const isExternal = (key: string) => this.#networks[key]!.external !== undefined;
    return {
      name: this.#name,
      networks: own.filter((key) => !isExternal(key)).map((key) => this.#networkOf(key)),
      externalNetworks: own.filter(isExternal).map((key) => this.#networkName(key)),
      containers,
    };
  }

  /** Services behind those that they depend on, share a network with or link to. */
  #order(): string[] {
    const order: string[] = [];
    const visit = (name: string, way: readonly string[]) => {
      if (order.includes(name)) return;
      if (way.includes(name)) {
        const cycle = [...way.slice(way.indexOf(name)), name].join(' -> ');
        this.#complain(['services', name], `dependency cycle detected: ${cycle}`);
        return;
      }
      for (const other of this.#dependenciesOf(name)) {
        if (Object.hasOwn(this.#services, other)) visit(other, [...way, name]);
        else {
          const message = `service "${name}" depends on undefined service "${other}"`;
          this.#complain(['services', name], `${message}: invalid compose project`);
        }
      }
      if (!order.includes(name)) order.push(name);
    };
    for (const name of Object.keys(this.#services).sort()) visit(name, []);
    return order;
  }

  #dependenciesOf(name: string): string[] {
    const { depends_on: wanted = [] } = this.#services[name]!;
    const options = this.#optionsOf(name);
    const listed = Array.isArray(wanted) ? wanted : Object.keys(wanted);
    const links = (options.links ?? []).map((link) => link.split(':')[0]!);
    const mode = options.network_mode ?? '';
    return [...listed, ...links, ...(mode.startsWith('service:') ? [mode.slice(8)] : [])];
  }

  #containersOf(name: string): ContainerRequest[] {
    const service = this.#services[name]!;
    const options = this.#optionsOf(name);
    if (service.image === undefined) {
      const message = `service "${name}" has neither an image nor a build context specified`;
      this.#complain(['services', name], `${message}: invalid compose project`);
      return [];
    }
    const count = service.deploy?.replicas ?? 1;
    return Array.from({ length: count }, (_, i) => this.#containerOf(name, options, i + 1));
  }

  #containerOf(name: string, options: HostOptions, number: number): ContainerRequest {
    const service = this.#services[name]!;
    const container = options.container_name ?? `${this.#name}-${name}-${number}`;
    const places = Object.entries(this.#placesOf(name)).sort(byPriority);
    const endpoints = new Map<string, EndpointRequest>();
    for (const [key, place] of places) {
      endpoints.set(this.#networkName(key), {
        aliases: [container, name, ...(place?.aliases ?? [])],
        links: this.#linksOf(options),
        gatewayPriority: 0,
        ...addressOf(place?.ipv4_address),
      });
    }
    const mac = options.mac_address === undefined ? undefined : parseMac(options.mac_address);
    const { bindings, exposed } = this.#portsOf(name, options);
    const workload = service['x-swarmlab'];
    const image = service.image!;
    const ports = [...bindings, ...exposed].map(({ port, protocol }) => `${port}/${protocol}`);
    return {
      name: container,
      image,
      command: service.command ?? [],
      hostname: service.hostname ?? '',
      domainName: options.domainname ?? '',
      networkMode: this.#modeOf(options, [...endpoints.keys()][0]),
      endpoints,
      bindings,
      exposed,
      publishesAll: false,
      links: [],
      extraHosts: hostsOf(service.extra_hosts),
      dns: service.dns ?? [],
      dnsSearch: service.dns_search ?? [],
      dnsOptions: [],
      environment: service.environment ?? [],
      labels: new Map([
        ...Object.entries(service.labels ?? {}),
        ['com.docker.compose.project', this.#name],
        ['com.docker.compose.service', name],
        ['com.docker.compose.container-number', String(number)],
      ]),
      sysctls: new Map(Object.entries(service.sysctls ?? {})),
      isAutoRemoved: false,
      restartPolicy: this.#restartPolicyOf(name, options),
      ...(mac === undefined ? {} : { mac }),
      ...(workload === undefined ? {} : { program: programOf(workload, image, ports) }),
    };
  }

  /** Its networks with what it wants there; none where it shares somebody's. */
  #placesOf(name: string): NonNullable<Exclude<StackService['networks'], readonly string[]>> {
    const { networks } = this.#services[name]!;
    const { network_mode: mode } = this.#optionsOf(name);
    if (mode !== undefined) {
      if (networks !== undefined) {
        const message = `service ${name} declares mutually exclusive \`network_mode\` and \`networks\``;
        this.#complain(['services', name], `${message}: invalid compose project`);
      }
      return {};
    }
    const places = networks ?? ['default'];
    const all = Array.isArray(places)
      ? Object.fromEntries(places.map((key) => [key, null]))
      : places;
    for (const key of Object.keys(all)) {
      if (Object.hasOwn(this.#networks, key)) continue;
      const message = `service "${name}" refers to undefined network ${key}`;
      this.#complain(['services', name, 'networks'], `${message}: invalid compose project`);
    }
    return all;
  }

  #modeOf({ network_mode: mode }: HostOptions, first: string | undefined): string {
    if (mode === undefined) return first ?? 'none';
    if (!mode.startsWith('service:')) return mode;
    const other = mode.slice(8);
    if (!Object.hasOwn(this.#services, other)) return mode;
    const { container_name: own } = this.#optionsOf(other);
    return `container:${own ?? `${this.#name}-${other}-1`}`;
  }

  #restartPolicyOf(name: string, { restart }: HostOptions): RestartPolicy {
    const { restart_policy: policy } = this.#services[name]!.deploy ?? {};
    if (policy !== undefined && restart === undefined) {
      const condition = policy.condition ?? 'any';
      return {
        name: DEPLOY_CONDITIONS[condition],
        retriesMax: condition === 'on-failure' ? (policy.max_attempts ?? 0) : 0,
      };
    }
    const parsed = parseRestartPolicy(restart ?? '');
    if (typeof parsed !== 'string') return parsed;
    this.#complain(['services', name, 'restart'], parsed);
    return NO_RESTART;
  }

  /** `service:alias` as `container:alias`. */
  #linksOf({ links = [] }: HostOptions): string[] {
    return links.map((link) => {
      const [service = '', alias = service] = link.split(':');
      return `${this.#name}-${service}-1:${alias}`;
    });
  }

  #portsOf(
    name: string,
    options: HostOptions,
  ): { bindings: PortBinding[]; exposed: ContainerPort[] } {
    const bindings: PortBinding[] = [];
    const exposed: ContainerPort[] = [];
    for (const entry of options.ports ?? []) {
      const parsed = parsePublish(shortForm(entry));
      if (typeof parsed !== 'string') bindings.push(...parsed);
      else this.#complain(['services', name, 'ports'], parsed);
    }
    for (const entry of options.expose ?? []) {
      const parsed = parseExpose(String(entry));
      if (typeof parsed !== 'string') exposed.push(...parsed);
      else this.#complain(['services', name, 'expose'], parsed);
    }
    return { bindings, exposed };
  }

  #networkName(key: string): string {
    const network = this.#networks[key];
    if (network === undefined) return key;
    const { external, name } = network;
    const outside = typeof external === 'object' ? external.name : undefined;
    if (name !== undefined || outside !== undefined) return name ?? outside!;
    return external === undefined || external === false ? `${this.#name}_${key}` : key;
  }

  #networkOf(key: string): NetworkRequest {
    const network = this.#networks[key]!;
    return {
      name: this.#networkName(key),
      driver: network.driver ?? 'bridge',
      isInternal: network.internal ?? false,
      isAttachable: network.attachable ?? false,
      options: new Map(Object.entries(network.driver_opts ?? {})),
      labels: new Map([
        ...Object.entries(network.labels ?? {}),
        ['com.docker.compose.network', key],
        ['com.docker.compose.project', this.#name],
      ]),
      ipam: (network.ipam?.config ?? []).map(({ subnet, gateway, ip_range: range }) => ({
        subnet: parsePrefix(subnet)!,
        ...(gateway === undefined ? {} : { gateway: parseIpv4Address(gateway)! }),
        ...(range === undefined ? {} : { range: parsePrefix(range)! }),
      })),
    };
  }

  #optionsOf(name: string): HostOptions {
    const parsed = hostOptions.safeParse(this.#raw[name] ?? {});
    if (parsed.success) return parsed.data;
    const [first] = parsed.error.issues;
    this.#complain(['services', name, ...(first!.path as string[])], first!.message);
    return {};
  }

  #complain(path: (string | number)[], message: string): void {
    if (this.issues.some((issue) => issue.message === message)) return;
    this.issues.push(this.#document.issueAt(path, 'invalid-project', message, ''));
  }
}

type Place = readonly [
  string,
  { readonly priority?: number | undefined; readonly aliases?: string[] | undefined } | null,
];

/** The highest priority first, then by name (`NetworksByPriority`). */
function byPriority([a, left]: Place, [b, right]: Place): number {
  const priority = (right?.priority ?? 0) - (left?.priority ?? 0);
  return priority !== 0 ? priority : a < b ? -1 : Number(a > b);
}

function addressOf(address: string | undefined): { address?: number } {
  const parsed = address === undefined ? undefined : parseIpv4Address(address);
  return parsed === undefined ? {} : { address: parsed };
}

function hostsOf(hosts: StackService['extra_hosts']): string[] {
  if (hosts === undefined) return [];
  if (Array.isArray(hosts)) return hosts.map((entry) => entry.replace('=', ':'));
  return Object.entries(hosts).map(([name, address]) => `${name}:${address}`);
}

/** The long form of a port in the short one's spelling. */
function shortForm(entry: unknown): string {
  if (typeof entry !== 'object' || entry === null) return String(entry);
  const { target, published, protocol, host_ip: host } = entry as Record<string, unknown>;
  const address = host === undefined ? '' : `${host}:`;
  return `${address}${published ?? ''}:${target ?? ''}/${protocol ?? 'tcp'}`;
}

function withoutNulls<T>(record: Readonly<Record<string, T | null>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [key, value ?? ({} as T)]),
  );
}
