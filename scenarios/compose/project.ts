/**
 * A compose file as `docker compose up` reads it for one host: services become containers of their
 * own, networks bridges unless they say otherwise, and the options that a swarm ignores count
 * (compose-go `loader`, docker/compose `pkg/compose/create.go`).
 */
import {
  type ComposeDependency,
  ComposeLabel,
  type ComposeProject,
  type ComposeService,
} from '../../node/daemon/compose/project.ts';
import {
  type ContainerPort,
  type ContainerRequest,
  EndpointOption,
  type EndpointRequest,
  type IpamConfig,
  type NetworkRequest,
  type PortBinding,
} from '../../node/daemon/requests.ts';
import {
  NO_RESTART,
  parseRestartPolicy,
  type RestartPolicy,
} from '../../node/daemon/restart-policy.ts';
import { parseExtraHost } from '../../node/docker/extra-host.ts';
import { parseExpose, parsePublish } from '../../node/docker/port-spec.ts';
import { Digest } from '../../sim/digest.ts';
import { parseIpv4Address, parseMac } from '../../wire/addresses.ts';
import { type IpAddress, parseIp, parseIpPrefix } from '../../wire/ip-address.ts';
import type { Issue } from '../language/issue.ts';
import type { YamlPath, YamlSource } from '../language/located-yaml.ts';
import type { ComposeFile, ComposeFileService } from './compose-file.ts';
import { checkConsistency } from './consistency.ts';
import { healthcheckOf } from './model.ts';
import type { StackNetwork } from './stack-file.ts';
import { programOf } from './x-swarmlab.ts';

/** What the conditions of `deploy.restart_policy` are called where there is no swarm. */
const DEPLOY_CONDITIONS = { none: 'no', 'on-failure': 'on-failure', any: 'always' } as const;

/** A project, or what is wrong with the file. */
export type ProjectResult = { readonly project: ComposeProject } | { readonly issues: Issue[] };

/** What the user says beside the files. */
export interface ProjectWishes {
  readonly name: string;
  /** Services with profiles are there only if one of theirs is. */
  readonly profiles: readonly string[];
}

/** Reads a file whose format is right. */
export function projectOf(
  file: ComposeFile,
  document: YamlSource,
  wishes: ProjectWishes,
): ProjectResult {
  const reader = new ProjectReader(file, document, wishes);
  const project = reader.project();
  return reader.issues.length === 0 ? { project } : { issues: reader.issues };
}

class ProjectReader {
  readonly issues: Issue[] = [];
  readonly #file: ComposeFile;
  readonly #services: Readonly<Record<string, ComposeFileService>>;
  readonly #networks: Readonly<Record<string, StackNetwork>>;
  readonly #document: YamlSource;
  readonly #name: string;

  constructor(file: ComposeFile, document: YamlSource, { name, profiles }: ProjectWishes) {
    this.#file = file;
    const isActive = ({ profiles: own = [] }: ComposeFileService) =>
      own.length === 0 || own.some((profile) => profiles.includes(profile));
    const all = Object.entries(withoutNulls<ComposeFileService>(file.services ?? {}));
    this.#services = Object.fromEntries(all.filter(([, service]) => isActive(service)));
    this.#networks = withoutNulls<StackNetwork>({ default: {}, ...file.networks });
    this.#document = document;
    this.#name = name;
  }

  project(): ComposeProject {
    checkConsistency(this.#file, this.#services, (path, message) => this.#complain(path, message));
    const order = this.#order();
    const services = order.map((service) => this.#serviceOf(service));
    const used = new Set(order.flatMap((service) => Object.keys(this.#placesOf(service))));
    const own = [...used].filter((key) => Object.hasOwn(this.#networks, key)).sort();
    const isExternal = (key: string) => this.#networks[key]!.external !== undefined;
    return {
      name: this.#name,
      networks: own.filter((key) => !isExternal(key)).map((key) => this.#networkOf(key)),
      externalNetworks: own.filter(isExternal).map((key) => this.#networkName(key)),
      services,
    };
  }

  #serviceOf(name: string): ComposeService {
    const containers = this.#containersOf(name);
    return { name, containers, dependencies: this.#dependenciesOf(name) };
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
      for (const { service: other, isRequired } of this.#dependenciesOf(name)) {
        if (Object.hasOwn(this.#services, other)) visit(other, [...way, name]);
        else if (isRequired) {
          const message = `service "${name}" depends on undefined service "${other}"`;
          this.#complain(['services', name], `${message}: invalid compose project`);
        }
      }
      if (!order.includes(name)) order.push(name);
    };
    for (const name of Object.keys(this.#services).sort()) visit(name, []);
    return order;
  }

  /** What a service waits for: `depends_on`, links, and whose network it shares. */
  #dependenciesOf(name: string): ComposeDependency[] {
    const { depends_on: wanted = [], links = [], network_mode: mode = '' } = this.#services[name]!;
    const condition = 'service_started' as const;
    const listed = Array.isArray(wanted)
      ? wanted.map((service) => ({ service, condition, isRequired: true }))
      : Object.entries(wanted).map(([service, { condition: own, required = true }]) => ({
          service,
          condition: own,
          isRequired: required,
        }));
    const shared = mode.startsWith('service:') ? [mode.slice(8)] : [];
    const implied = [...links.map((link) => link.split(':')[0]!), ...shared];
    return [
      ...listed,
      ...implied
        .filter((service) => !listed.some((dependency) => dependency.service === service))
        .map((service) => ({ service, condition, isRequired: true })),
    ];
  }

  #containersOf(name: string): ContainerRequest[] {
    const service = this.#services[name]!;
    if (service.image === undefined) {
      const message = `service "${name}" has neither an image nor a build context specified`;
      this.#complain(['services', name], `${message}: invalid compose project`);
      return [];
    }
    const count = service.scale ?? service.deploy?.replicas ?? 1;
    if (count > 1 && service.container_name !== undefined) {
      const attribute = service.scale === undefined ? 'deploy.replicas' : 'scale';
      const why = `can't set container_name and ${name} as container name must be unique`;
      this.#complain(['services', name], `services.${attribute}: ${why}: invalid compose project`);
    }
    return Array.from({ length: count }, (_, i) => this.#containerOf(name, i + 1));
  }

  #containerOf(name: string, number: number): ContainerRequest {
    const service = this.#services[name]!;
    const container = service.container_name ?? `${this.#name}-${name}-${number}`;
    const places = Object.entries(this.#placesOf(name)).sort(byPriority);
    const endpoints = new Map<string, EndpointRequest>();
    for (const [key, place] of places) {
      endpoints.set(this.#networkName(key), {
        aliases: [container, name, ...(place?.aliases ?? [])],
        links: this.#linksOf(service),
        gatewayPriority: place?.gw_priority ?? 0,
        ...addressOf(place?.ipv4_address),
        ...address6Of(place?.ipv6_address),
        ...driverOptionsOf(place),
        ...macOf(place?.mac_address),
      });
    }
    const { bindings, exposed } = this.#portsOf(name, service);
    const workload = service['x-swarmlab'];
    const image = service.image!;
    const ports = [...bindings, ...exposed].map(({ port, protocol }) => `${port}/${protocol}`);
    const request: ContainerRequest = {
      name: container,
      image,
      command: service.command ?? [],
      hostname: service.hostname ?? '',
      domainName: service.domainname ?? '',
      networkMode: this.#modeOf(service, [...endpoints.keys()][0]),
      endpoints,
      bindings,
      exposed,
      publishesAll: false,
      links: [],
      extraHosts: hostsOf(service.extra_hosts),
      dns: service.dns ?? [],
      dnsSearch: service.dns_search ?? [],
      dnsOptions: service.dns_opt ?? [],
      environment: service.environment ?? [],
      labels: new Map([
        ...Object.entries(service.labels ?? {}),
        [ComposeLabel.project, this.#name],
        [ComposeLabel.service, name],
        [ComposeLabel.number, String(number)],
      ]),
      sysctls: new Map(Object.entries(service.sysctls ?? {})),
      isAutoRemoved: false,
      restartPolicy: this.#restartPolicyOf(name, service),
      healthcheck: this.#healthcheckOf(name, service),
      stopGraceNs: service.stop_grace_period,
      ...macOf(service.mac_address),
      ...(workload === undefined ? {} : { program: programOf(workload, image, ports) }),
    };
    const { labels } = request;
    return { ...request, labels: new Map([...labels, [ComposeLabel.hash, hashOf(request)]]) };
  }

  /** Its networks with what it wants there; none where it shares somebody's. */
  #placesOf(name: string): Places {
    const { networks, network_mode: mode } = this.#services[name]!;
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

  #modeOf({ network_mode: mode }: ComposeFileService, first: string | undefined): string {
    if (mode === undefined) return first ?? 'none';
    if (!mode.startsWith('service:')) return mode;
    const other = mode.slice(8);
    if (!Object.hasOwn(this.#services, other)) return mode;
    const { container_name: own } = this.#services[other]!;
    return `container:${own ?? `${this.#name}-${other}-1`}`;
  }

  #restartPolicyOf(name: string, { restart, deploy }: ComposeFileService): RestartPolicy {
    const { restart_policy: policy } = deploy ?? {};
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

  #healthcheckOf(name: string, { healthcheck }: ComposeFileService) {
    const config = healthcheckOf(healthcheck);
    const [kind] = config?.test ?? [];
    if (kind !== undefined && !['CMD', 'CMD-SHELL', 'NONE'].includes(kind)) {
      const message = 'healthcheck.test must start either by "CMD", "CMD-SHELL" or "NONE"';
      this.#complain(['services', name, 'healthcheck', 'test'], message);
    }
    return config;
  }

  /** `service:alias` as `container:alias`. */
  #linksOf({ links = [] }: ComposeFileService): string[] {
    return links.map((link) => {
      const [service = '', alias = service] = link.split(':');
      return `${this.#name}-${service}-1:${alias}`;
    });
  }

  #portsOf(
    name: string,
    options: ComposeFileService,
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
    const request: NetworkRequest = {
      name: this.#networkName(key),
      driver: network.driver ?? 'bridge',
      isInternal: network.internal ?? false,
      isAttachable: network.attachable ?? false,
      options: new Map(Object.entries(network.driver_opts ?? {})),
      labels: new Map([
        ...Object.entries(network.labels ?? {}),
        [ComposeLabel.network, key],
        [ComposeLabel.project, this.#name],
      ]),
      ipam: (network.ipam?.config ?? []).flatMap((config) => ipamOf(config) ?? []),
      ipamDriver: network.ipam?.driver ?? 'default',
      ipamOptions: new Map(Object.entries(network.ipam?.options ?? {})),
      isIpv6: network.enable_ipv6 ?? false,
    };
    const { labels } = request;
    return { ...request, labels: new Map([...labels, [ComposeLabel.hash, hashOf(request)]]) };
  }

  #complain(path: YamlPath, message: string): void {
    if (this.issues.some((issue) => issue.message === message)) return;
    this.issues.push(this.#document.issueAt(path, 'invalid-project', message, ''));
  }
}

type Places = NonNullable<Exclude<ComposeFileService['networks'], readonly string[]>>;
type Place = readonly [string, Places[string]];

/** The highest priority first, then by name (`NetworksByPriority`). */
function byPriority([a, left]: Place, [b, right]: Place): number {
  const priority = (right?.priority ?? 0) - (left?.priority ?? 0);
  return priority !== 0 ? priority : a < b ? -1 : Number(a > b);
}

/** One entry of `ipam.config`; `undefined` for one without a subnet, which asks for nothing. */
function ipamOf(config: IpamEntry): IpamConfig | undefined {
  const subnet = config.subnet === undefined ? undefined : parseIpPrefix(config.subnet);
  if (subnet === undefined) return undefined;
  const gateway = config.gateway === undefined ? undefined : parseIp(config.gateway);
  const range = config.ip_range === undefined ? undefined : parseIpPrefix(config.ip_range);
  const auxiliary = new Map<string, IpAddress>();
  for (const [name, text] of Object.entries(config.aux_addresses ?? {})) {
    const address = parseIp(text);
    if (address !== undefined) auxiliary.set(name, address);
  }
  return {
    subnet,
    ...(gateway === undefined ? {} : { gateway }),
    ...(range === undefined ? {} : { range }),
    ...(auxiliary.size === 0 ? {} : { auxiliary }),
  };
}

/** What tells whether something must be made anew; not the hash that docker compose has of it. */
function hashOf(request: unknown): string {
  const digest = new Digest();
  const plain = (_: string, value: unknown) => (value instanceof Map ? [...value] : value);
  digest.foldText(JSON.stringify(request, plain));
  return digest.text;
}

type IpamEntry = NonNullable<NonNullable<StackNetwork['ipam']>['config']>[number];

function addressOf(address: string | undefined): { address?: number } {
  const parsed = address === undefined ? undefined : parseIpv4Address(address);
  return parsed === undefined ? {} : { address: parsed };
}

function address6Of(text: string | undefined): { address6?: IpAddress } {
  const parsed = text === undefined ? undefined : parseIp(text);
  return parsed === undefined ? {} : { address6: parsed };
}

/** Options of its own, and the name that its interface is to have. */
function driverOptionsOf(place: Places[string]): { driverOptions?: Map<string, string> } {
  const options = new Map(Object.entries(place?.driver_opts ?? {}));
  const { interface_name: name } = place ?? {};
  if (name !== undefined) options.set(EndpointOption.interfaceName, name);
  return options.size === 0 ? {} : { driverOptions: options };
}

function macOf(text: string | undefined): { mac?: number } {
  const mac = text === undefined ? undefined : parseMac(text);
  return mac === undefined ? {} : { mac };
}

function hostsOf(hosts: ComposeFileService['extra_hosts']): string[] {
  if (hosts === undefined) return [];
  const entries = Array.isArray(hosts)
    ? hosts
    : Object.entries(hosts).map(([name, address]) => `${name}=${address}`);
  return entries.map((entry) => {
    const parsed = parseExtraHost(entry);
    return 'line' in parsed ? parsed.line : entry;
  });
}

/** The long form of a port in the short one's spelling. */
function shortForm(entry: NonNullable<ComposeFileService['ports']>[number]): string {
  if (typeof entry === 'string') return entry;
  const { target, published = '', protocol = 'tcp', host_ip: host } = entry;
  if (host === undefined) return `${published}:${target}/${protocol}`;
  return `${host.includes(':') ? `[${host}]` : host}:${published}:${target}/${protocol}`;
}

function withoutNulls<T>(record: Readonly<Record<string, T | null>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [key, value ?? ({} as T)]),
  );
}
