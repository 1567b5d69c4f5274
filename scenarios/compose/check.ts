/**
 * What the format of a stack file cannot see: images that are missing, names that refer to nothing,
 * ports that two services want, options that swarm services do not have.
 */
import { parseConstraint } from '../../manager/scheduler/constraint.ts';
import { parseIpv4Address } from '../../wire/addresses.ts';
import { didYouMean, type Issue } from '../language/issue.ts';
import type { LocatedYaml, YamlPath } from '../language/located-yaml.ts';
import { isMapping } from './merge.ts';
import { attachmentsOf } from './model.ts';
import { sourceOf, volumeOf } from './mounts.ts';
import {
  DEPRECATED_OPTIONS,
  FORBIDDEN_OPTIONS,
  type StackFile,
  type StackService,
  UNSUPPORTED_OPTIONS,
} from './stack-file.ts';

/** Networks of every node of a swarm, which services can be on. */
const NODE_NETWORKS = ['host', 'bridge'];
/** Networks of every engine that have no like in a swarm. */
const UNKNOWN_TO_SWARM = ['none', 'default'];

/** Everything that is wrong with a stack file whose format is right. */
export function checkStackFile(file: StackFile, document: LocatedYaml, stack: string): Issue[] {
  const check = new StackCheck(file, document, stack);
  check.services();
  check.networks();
  check.publishedPorts();
  check.ignoredOptions();
  return check.issues;
}

/** Options that `docker stack deploy` will not have, before it looks at anything else. */
export function forbiddenOptions(value: unknown, document: LocatedYaml): Issue[] {
  const uses = usesOf(value, Object.keys(FORBIDDEN_OPTIONS));
  if (uses[0] === undefined) return [];
  const lines = uses.map(({ option }) => `${option}: ${FORBIDDEN_OPTIONS[option]}`);
  const message = `Compose file contains unsupported options:\n\n${lines.join('\n\n')}\n`;
  const { service, option } = uses[0];
  return [document.issueAtKey(['services', service], option, 'forbidden-option', message)];
}

/** The first service that uses an option. */
interface OptionUse {
  readonly option: string;
  readonly service: string;
}

function usesOf(value: unknown, options: readonly string[]): OptionUse[] {
  const services = (value as { readonly services?: unknown }).services;
  if (!isMapping(services)) return [];
  return [...options].sort().flatMap((option) => {
    const service = Object.keys(services).find((name) => {
      const own = services[name];
      return isMapping(own) && Object.hasOwn(own, option);
    });
    return service === undefined ? [] : [{ option, service }];
  });
}

class StackCheck {
  readonly issues: Issue[] = [];
  readonly #file: StackFile;
  /** What the stack is called, with which its objects' names begin. */
  readonly #stack: string;
  readonly #document: LocatedYaml;
  readonly #services: readonly (readonly [string, StackService])[];

  constructor(file: StackFile, document: LocatedYaml, stack: string) {
    this.#file = file;
    this.#stack = stack;
    this.#document = document;
    this.#services = Object.entries(file.services ?? {}).map(([name, s]) => [name, s ?? {}]);
  }

  services(): void {
    if (this.#services.length === 0) {
      const at = this.#file.services === undefined ? [] : ['services'];
      this.#add(at, 'no-services', 'the stack has no services', 'it needs at least one');
    }
    for (const [name, service] of this.#services) {
      const at = ['services', name];
      this.#name(name);
      this.#image(at, name, service.image);
      this.#references(at, name, service);
      this.#mode(at, service);
      this.#targets(at, service);
    }
  }

  publishedPorts(): void {
    const owners = new Map<string, string>();
    for (const [name, service] of this.#services) {
      (service.ports ?? []).forEach((ports, i) => {
        for (const port of ports) {
          if (port.mode !== 'ingress' || port.published === 0) continue;
          const key = `${port.published}/${port.protocol}`;
          const owner = owners.get(key);
          owners.set(key, owner ?? name);
          if (owner === undefined) continue;
          const by = `by service '${owner}' as an ingress port`;
          const message = `port '${port.published}' is already in use ${by}`;
          const hint = 'the routing mesh gives a published port to one service';
          this.#add(['services', name, 'ports', i], 'port-conflict', message, hint);
        }
      });
    }
  }

  ignoredOptions(): void {
    const [unsupported] = this.#used(UNSUPPORTED_OPTIONS);
    if (unsupported !== undefined) {
      const names = this.#used(UNSUPPORTED_OPTIONS).map(({ option }) => option);
      const message = `Ignoring unsupported options: ${names.join(', ')}`;
      this.#warnOf(unsupported, 'unsupported-option', message);
    }
    const deprecated = this.#used(Object.keys(DEPRECATED_OPTIONS));
    if (deprecated[0] === undefined) return;
    const lines = deprecated.map(({ option }) => `${option}: ${DEPRECATED_OPTIONS[option]}`);
    const message = `Ignoring deprecated options:\n\n${lines.join('\n\n')}`;
    this.#warnOf(deprecated[0], 'deprecated-option', message);
  }

  /** Which of some options are used, in the order of their names, and where first. */
  #used(options: readonly string[]): OptionUse[] {
    return usesOf(this.#document.value, options);
  }

  #warnOf({ service, option }: OptionUse, code: string, message: string): void {
    const at = ['services', service];
    this.issues.push(this.#document.issueAtKey(at, option, code, message, '', true));
  }

  /** Networks that services cannot be on, in the words of the client or of the manager. */
  networks(): void {
    for (const [key, network] of Object.entries(this.#file.networks ?? {})) {
      const user = this.#services.find(([, s]) => Object.hasOwn(attachmentsOf(s), key));
      if (network === null || user === undefined) continue;
      const at = ['networks', key];
      const failed = `failed to create service ${this.#stack}_${user[0]}: Error response from daemon: `;
      const { driver, external, name } = network;
      const isExternal = external !== undefined && external !== false;
      if (isExternal) {
        const outside = name ?? (typeof external === 'object' ? external.name : undefined) ?? key;
        if (NODE_NETWORKS.includes(outside)) continue;
        if (UNKNOWN_TO_SWARM.includes(outside)) {
          const why = 'could not find the corresponding predefined swarm network: network ';
          const hint = 'services can be on host and bridge';
          this.#add(
            [...at, 'external'],
            'no-swarm-network',
            `${failed}${why}${outside} not found`,
            hint,
          );
          continue;
        }
        const message =
          `network "${outside}" is declared as external, but could not be found. You need to create ` +
          'a swarm-scoped network before the stack is deployed';
        const hint = 'leave external out, so that the stack makes it';
        this.#add([...at, 'external'], 'unknown-network', message, hint);
      } else if (driver !== undefined && driver !== 'overlay') {
        const message =
          `${failed}The network ${name ?? `${this.#stack}_${key}`} cannot be used with services. ` +
          'Only networks scoped to the swarm can be used, such as those created with the overlay ' +
          'driver.';
        const hint = 'leave the driver out, or say overlay';
        this.#add([...at, 'driver'], 'local-network', message, hint);
      }
    }
  }

  /** What an external secret or config is called; `undefined` for one that the stack makes. */
  #externalName(kind: 'secrets' | 'configs', key: string): string | undefined {
    const declared = this.#file[kind]?.[key];
    if (!isMapping(declared)) return undefined;
    const { external, name } = declared;
    if (external === undefined || external === false) return undefined;
    const outside = isMapping(external) ? external['name'] : undefined;
    return String(name ?? outside ?? key);
  }

  #name(name: string): void {
    if (/^[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?$/.test(name)) return;
    const message = `'${name}' is not a name for a service`;
    const hint = 'letters, digits, - and _';
    this.issues.push(this.#document.issueAtKey(['services'], name, 'bad-name', message, hint));
  }

  #image(at: YamlPath, name: string, image: string | undefined): void {
    const head = `invalid image reference for service ${name}`;
    if (image === undefined || image === '') {
      const hint = 'such as image: nginx:alpine; stack deploy does not build';
      const message = `${head}: no image specified`;
      this.issues.push(this.#document.issueAtKey(['services'], name, 'no-image', message, hint));
      return;
    }
    const problem = imageProblemOf(image);
    if (problem === undefined) return;
    const hint = 'such as nginx:alpine or registry.example.com:5000/team/app:1.2';
    this.#add([...at, 'image'], 'bad-image', `${head}: ${problem}`, hint);
  }

  #references(at: YamlPath, name: string, service: StackService): void {
    const networks = [...Object.keys(this.#file.networks ?? {}), 'default'];
    Object.keys(attachmentsOf(service)).forEach((network, i) => {
      if (networks.includes(network)) return;
      const message = `service ${name}: undefined network "${network}"`;
      const declared = Object.keys(this.#file.networks ?? {});
      const hint = referenceHint(network, declared, 'networks');
      const path = [...at, 'networks'];
      this.issues.push(
        Array.isArray(service.networks)
          ? this.#document.issueAt([...path, i], 'unknown-network', message, hint)
          : this.#document.issueAtKey(path, network, 'unknown-network', message, hint),
      );
    });
    const names = this.#services.map(([other]) => other);
    const { depends_on: dependencies } = service;
    const isList = Array.isArray(dependencies);
    (isList ? dependencies : Object.keys(dependencies ?? {})).forEach((dependency, i) => {
      if (names.includes(dependency)) return;
      const message = `service "${name}" depends on undefined service "${dependency}"`;
      const path = [...at, 'depends_on'];
      const hint = didYouMean(dependency, names);
      this.issues.push(
        isList
          ? this.#document.issueAt([...path, i], 'unknown-service', message, hint, true)
          : this.#document.issueAtKey(path, dependency, 'unknown-service', message, hint, true),
      );
    });
    for (const kind of ['volumes', 'secrets', 'configs'] as const) {
      this.#declared(at, name, kind, service[kind]);
    }
  }

  #declared(
    at: YamlPath,
    name: string,
    kind: 'volumes' | 'secrets' | 'configs',
    uses: unknown,
  ): void {
    if (!Array.isArray(uses)) return;
    const known = Object.keys(this.#file[kind] ?? {});
    uses.forEach((use: unknown, i) => {
      const reference = kind === 'volumes' ? volumeOf(use) : sourceOf(use);
      if (reference === undefined) return;
      const thing = kind.slice(0, -1);
      const outside = kind === 'volumes' ? undefined : this.#externalName(kind, reference);
      if (outside !== undefined) {
        const why = `service ${name}: ${thing} not found: ${outside}`;
        const nobody = `nobody has made it before the stack: give the ${thing} a file`;
        this.#add([...at, kind, i], `unknown-${thing}`, why, nobody);
      }
      if (known.includes(reference)) return;
      const message = `service ${name}: undefined ${thing} "${reference}"`;
      const hint = referenceHint(reference, known, kind);
      this.#add([...at, kind, i], `unknown-${thing}`, message, hint);
    });
  }

  #mode(at: YamlPath, service: StackService): void {
    const { deploy } = service;
    if (deploy?.mode?.endsWith('-job')) {
      const hint = 'use replicated or global';
      this.#add([...at, 'deploy', 'mode'], 'unsupported-mode', 'jobs are not simulated', hint);
    }
    if (deploy?.mode === 'global' && deploy.replicas !== undefined) {
      const message = 'replicas can only be used with replicated or replicated-job mode';
      const hint = 'a global service has one task per node';
      this.#add([...at, 'deploy', 'replicas'], 'global-replicas', message, hint);
    }
    (deploy?.placement?.constraints ?? []).forEach((constraint, i) => {
      const parsed = parseConstraint(constraint);
      if (typeof parsed !== 'string') return;
      const hint = 'such as node.role == worker or node.labels.rack != a';
      this.#add([...at, 'deploy', 'placement', 'constraints', i], 'bad-constraint', parsed, hint);
    });
    if (deploy?.endpoint_mode !== 'dnsrr') return;
    (service.ports ?? []).forEach((ports, i) => {
      if (!ports.some((port) => port.mode === 'ingress')) return;
      const message =
        "EndpointSpec: port published with ingress mode can't be used with dnsrr mode";
      this.#add([...at, 'ports', i], 'dnsrr-ingress', message, 'publish it in mode: host');
    });
  }

  #targets(at: YamlPath, service: StackService): void {
    const workload = service['x-swarmlab'];
    if (workload === undefined) return;
    const known = this.#hostNames();
    const check = (host: string, path: YamlPath): void => {
      if (known.includes(host) || parseIpv4Address(host) !== undefined) return;
      const names = this.#services.map(([name]) => name);
      const message = `unknown service '${host}'`;
      this.#add(
        [...at, 'x-swarmlab', ...path],
        'unknown-service',
        message,
        didYouMean(host, names),
      );
    };
    workload.calls.forEach((call, i) => check(call.to.host, ['calls', i, 'to']));
    workload.listen?.forEach((listener, i) =>
      listener.calls.forEach((call, j) => check(call.host, ['listen', i, 'calls', j])),
    );
  }

  /** Every name that the embedded DNS can answer. */
  #hostNames(): string[] {
    return this.#services.flatMap(([name, service]) => [
      name,
      `tasks.${name}`,
      ...Object.values(attachmentsOf(service)).flatMap((attachment) => attachment.aliases ?? []),
    ]);
  }

  #add(path: YamlPath, code: string, message: string, hint: string): void {
    this.issues.push(this.#document.issueAt(path, code, message, hint));
  }
}

function referenceHint(word: string, known: readonly string[], section: string): string {
  const hint = didYouMean(word, known);
  return hint.startsWith('did') ? hint : `declare it under ${section} at the top level`;
}

const DOMAIN = /(?:[a-zA-Z0-9.-]+(?::\d+)?\/)?/.source;
const COMPONENT = /[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*/.source;
const TAG = /(?::\w[\w.-]{0,127})?/.source;
const IMAGE_DIGEST = /(?:@sha256:[0-9a-f]{64})?/.source;
const IMAGE = new RegExp(`^${DOMAIN}${COMPONENT}(?:/${COMPONENT})*${TAG}${IMAGE_DIGEST}$`);

/** What is wrong with an image reference (distribution/reference `regexp.go`), if anything. */
function imageProblemOf(image: string): string | undefined {
  if (IMAGE.test(image)) return undefined;
  const isOnlyTooTall = IMAGE.test(image.toLowerCase());
  return isOnlyTooTall ? 'repository name must be lowercase' : 'invalid reference format';
}
