/**
 * What the schema cannot see: names that refer to nothing, verbs that are missing or doubled,
 * instants out of order, expectations that cannot be read.
 */

import { splitWords } from '../../net/netfilter/command-words.ts';
import { dockerComplaint } from '../../node/docker/docker.ts';
import { ENGINE_VERSIONS, engineVersionOf } from '../../node/engine-version.ts';
import { TOOL_NAMES } from '../../node/tools/launch.ts';
import { parseCallTarget } from '../../node/workload/program.ts';
import { formatDuration } from '../../sim/time.ts';
import { parseIpv4Address } from '../../wire/addresses.ts';
import { type Expectation, parseExpectation } from './expectation.ts';
import { clusterConfigOf, hostConfigOf } from './gossip.ts';
import { addressesOf, interfacesOf } from './interfaces.ts';
import { didYouMean, type Issue } from './issue.ts';
import type { LocatedYaml, YamlPath } from './located-yaml.ts';
import { type NodeNames, nodeNamesOf, selectNodes, selectorsOf } from './node-names.ts';
import { type Scenario, type TimelineEntry, VERBS } from './scenario.ts';
import { FRONT_HOST, type Traffic } from './traffic.ts';

/** A sentence with its meaning and its place. */
export interface LocatedExpectation {
  readonly text: string;
  readonly line: number;
  readonly meaning: Expectation;
}

/** What the check found. */
export interface CheckResult {
  readonly issues: Issue[];
  readonly nodes: NodeNames;
  readonly expectations: LocatedExpectation[];
}

/** What a scenario can refer to in its stack. */
export interface StackFacts {
  readonly services: readonly string[];
  /** Ports of the nodes; dynamic ones are not known. */
  readonly publishedPorts: readonly number[];
}

/** Checks everything that refers to a name; `stack` is `undefined` when it could not be read. */
export function checkScenario(
  scenario: Scenario,
  document: LocatedYaml,
  stack: StackFacts | undefined,
): CheckResult {
  const nodes = nodeNamesOf(scenario.cluster);
  const check = new Check(scenario, document, nodes, stack);
  check.cluster();
  check.traffic();
  check.timeline();
  return { issues: check.issues, nodes, expectations: check.expectations() };
}

class Check {
  readonly issues: Issue[] = [];
  readonly #scenario: Scenario;
  readonly #document: LocatedYaml;
  readonly #nodes: NodeNames;
  readonly #stack: StackFacts | undefined;

  constructor(
    scenario: Scenario,
    document: LocatedYaml,
    nodes: NodeNames,
    stack: StackFacts | undefined,
  ) {
    this.#scenario = scenario;
    this.#document = document;
    this.#nodes = nodes;
    this.#stack = stack;
  }

  cluster(): void {
    const { cluster } = this.#scenario;
    this.#engine(['cluster', 'docker'], cluster.docker);
    if (cluster.managers > 1) {
      const message = 'several managers are not simulated yet';
      const hint = 'say 1: raft is not there, so nobody could lead';
      this.#add(['cluster', 'managers'], 'unsupported-managers', message, hint);
    }
    for (const [rack, members] of Object.entries(cluster.racks)) {
      members.forEach((member, i) => this.#selector(['cluster', 'racks', rack, i], member));
    }
    for (const [name, facts] of Object.entries(cluster.nodes)) {
      if (!this.#nodes.names.includes(name)) {
        this.#unknown(['cluster', 'nodes'], name, 'node', this.#nodes.names, true);
      }
      if (facts.docker !== undefined)
        this.#engine(['cluster', 'nodes', name, 'docker'], facts.docker);
    }
    for (const section of ['gossip', 'underlay'] as const) {
      for (const host of Object.keys(cluster[section]?.hosts ?? {})) {
        if (selectNodes(this.#nodes, host) !== undefined) continue;
        const known = selectorsOf(this.#nodes);
        this.#unknown(['cluster', section, 'hosts'], host, 'node', known, true);
      }
    }
    this.#protocolVersions();
    this.#addresses();
    this.#plugins();
    const filtered = cluster.underlay['mac-filter'];
    if (filtered !== undefined) this.#nodesAt(['cluster', 'underlay', 'mac-filter'], filtered);
    (cluster.underlay.pairs ?? []).forEach((pair, i) => {
      pair.between.forEach((end, j) =>
        this.#selector(['cluster', 'underlay', 'pairs', i, 'between', j], end),
      );
    });
  }

  /** Plugins run on nodes that there are, and their processes die where they run. */
  #plugins(): void {
    const { plugins } = this.#scenario.cluster;
    for (const [style, placement] of Object.entries(plugins)) {
      if (placement === undefined) continue;
      const path = ['cluster', 'plugins', style] as const;
      this.#nodesAt([...path, 'nodes'], placement.nodes);
      const { central } = placement;
      if (central === undefined || this.#nodes.names.includes(central)) continue;
      this.#unknown([...path, 'central'], central, 'node', this.#nodes.names, false);
    }
  }

  #pluginFault(at: YamlPath, { nodes, kill, start }: NonNullable<TimelineEntry['plugin']>): void {
    this.#nodesAt([...at, 'nodes'], nodes);
    const style = (kill ?? start)!;
    if (this.#scenario.cluster.plugins[style] !== undefined) return;
    const message = `no node has the plugin ${style}`;
    this.#add(at, 'no-plugin', message, `such as cluster: { plugins: { ${style}: {} } }`);
  }

  /** A node advertises addresses of its own, and a manager one that all can reach to join it. */
  #addresses(): void {
    const { cluster } = this.#scenario;
    const { names, managerCount } = this.#nodes;
    for (const [name, selector] of Object.entries(cluster.interfaces)) {
      this.#nodesAt(['cluster', 'interfaces', name], selector);
    }
    const cards = names.map((_, node) => interfacesOf(cluster, this.#nodes, node));
    names.forEach((name, node) => {
      for (const option of ['advertise-addr', 'data-path-addr'] as const) {
        const chosen = cluster.nodes[name]?.[option];
        const known = [...cards[node]!, ...addressesOf(cluster, this.#nodes, node)];
        if (chosen === undefined || known.includes(chosen)) continue;
        this.#unknown(['cluster', 'nodes', name, option], chosen, 'interface', known, false);
      }
    });
    for (const manager of names.slice(0, managerCount)) {
      const advertised = cluster.nodes[manager]?.['advertise-addr'] ?? 'eth0';
      if (!advertised.startsWith('eth')) continue;
      const stranger = names.find((_, node) => !cards[node]!.includes(advertised));
      if (stranger === undefined) continue;
      const message = `${stranger} has no ${advertised} and could not join ${manager}`;
      const path = ['cluster', 'nodes', manager, 'advertise-addr'] as const;
      this.#add(path, 'unreachable-manager', message, `give every node a card ${advertised}`);
    }
  }

  /** Every host speaks a version that it understands (memberlist refuses to start otherwise). */
  #protocolVersions(): void {
    const { gossip } = this.#scenario.cluster;
    this.#nodes.names.forEach((name, host) => {
      const config = { ...clusterConfigOf(gossip), ...hostConfigOf(gossip, this.#nodes, host) };
      const { protocolVersion, protocolVersionMin, protocolVersionMax } = config;
      if (protocolVersion >= protocolVersionMin && protocolVersion <= protocolVersionMax) return;
      const range = `[${protocolVersionMin}, ${protocolVersionMax}]`;
      this.#add(
        ['cluster', 'gossip'],
        'wrong-value',
        `${name} would speak protocol version ${protocolVersion}, which is not in ${range}`,
        'change protocol-version, or protocol-version-min and -max',
      );
    });
  }

  traffic(): void {
    const seen = new Set<string>();
    this.#scenario.traffic.forEach((traffic, i) => {
      const at = ['traffic', i] as const;
      if (seen.has(traffic.name)) {
        this.#add(
          [...at, 'name'],
          'duplicate-name',
          `there are two traffics called '${traffic.name}'`,
          'give each a name of its own',
        );
      }
      seen.add(traffic.name);
      this.#source([...at, 'from'], traffic.from);
      this.#target(at, traffic);
      this.#load(at, traffic);
      if (traffic.stop !== undefined && traffic.stop <= (traffic.start ?? 0)) {
        const message = `it stops at ${formatDuration(traffic.stop)}, before it starts`;
        this.#add([...at, 'stop'], 'wrong-order', message, 'stop later, or start earlier');
      }
    });
  }

  #source(path: YamlPath, from: string): void {
    if (from === 'outside' || this.#nodes.names.includes(from) || this.#hasService(from)) return;
    const known = ['outside', ...this.#nodes.names, ...this.#serviceNames];
    this.#unknown(path, from, 'node or service', known, false);
  }

  #target(at: YamlPath, traffic: Traffic): void {
    const { to, from } = traffic;
    const path = [...at, 'to'];
    const target = parseCallTarget(to);
    if (target === undefined) {
      const hint = 'such as http://manager-1:5000/ or tcp://redis:6379';
      this.#add(path, 'wrong-value', `'${to}' is not a target`, hint);
      return;
    }
    const { host, port, protocol } = target;
    if (parseIpv4Address(host) !== undefined) return;
    if (host === FRONT_HOST) {
      if (traffic.front !== undefined) return;
      const hint = 'add front: { nodes: all }, or name a node';
      this.#add(path, 'wrong-value', "there is no balancer 'front' in this entry", hint);
      return;
    }
    const isNode = this.#nodes.names.includes(host);
    const isName = protocol === 'dns' || this.#hasService(host.replace(/^tasks\./, ''));
    if (!isNode && !isName) {
      const hosts = [...this.#nodes.names, ...this.#serviceNames, FRONT_HOST];
      this.#unknown(path, host, 'node or service', hosts, false);
    } else if (!isNode && (from === 'outside' || this.#nodes.names.includes(from))) {
      const message = `'${host}' is a name inside the stack, which ${from} cannot resolve`;
      const hint = 'name a node and a published port, such as http://manager-1:5000/';
      this.#add(path, 'unreachable-target', message, hint);
    } else if (
      isNode &&
      this.#stack?.publishedPorts.includes(port) === false &&
      !this.#scenario.timeline.some(
        ({ docker, compose, exec }) => (docker ?? compose ?? exec) !== undefined,
      )
    ) {
      const ports = this.#stack.publishedPorts.join(', ');
      const hint = ports === '' ? 'the stack publishes no port' : `published are: ${ports}`;
      const message = `no service publishes port ${port}; every request will be refused`;
      this.issues.push(this.#document.issueAt(path, 'unpublished-port', message, hint, true));
    }
  }

  /** How often, and over which connections: what does not go together. */
  #load(at: YamlPath, traffic: Traffic): void {
    const { rate, users, session, front, to } = traffic;
    const refuse = (key: string, message: string, hint: string) =>
      this.#add([...at, key], 'wrong-value', message, hint);
    if ((rate === undefined) === (users === undefined)) {
      const message =
        rate === undefined ? 'nobody says how often' : 'a rate and users exclude each other';
      refuse(rate === undefined ? 'name' : 'users', message, 'give it rate: 50/s, or users: 20');
    }
    const protocol = parseCallTarget(to)?.protocol;
    const isDns = protocol === 'dns';
    for (const key of ['keep-alive', 'session'] as const) {
      if (traffic[key] === undefined || !isDns) continue;
      refuse(key, 'a name that is resolved has no connection', `leave ${key} out`);
    }
    if (traffic['keep-alive'] !== undefined && session !== undefined) {
      refuse('session', 'a session has a connection of its own', 'leave keep-alive or session out');
    }
    if (traffic['half-close'] && protocol !== 'tcp') {
      refuse('half-close', 'only a tcp:// connection can be closed by half', 'leave it out');
    }
    for (const selector of [front?.nodes ?? []].flat()) {
      if (selectNodes(this.#nodes, selector) !== undefined) continue;
      const known = selectorsOf(this.#nodes);
      this.#unknown([...at, 'front', 'nodes'], selector, 'node', known, false);
    }
  }

  timeline(): void {
    const { timeline, until } = this.#scenario;
    const called = new Set<string>();
    timeline.forEach((entry, i) => {
      const at = ['timeline', i] as const;
      if (entry.as !== undefined && called.has(entry.as)) {
        const message = `there are two entries called '${entry.as}'`;
        this.#add([...at, 'as'], 'duplicate-name', message, 'give each a name of its own');
      }
      if (entry.as !== undefined) called.add(entry.as);
      const verbs = VERBS.filter((verb) => entry[verb] !== undefined);
      if (verbs.length === 0) {
        const hint = `one of ${VERBS.join(', ')}`;
        this.#add(at, 'missing-verb', 'the entry says when, but not what', hint);
      }
      if (verbs.length > 1) {
        const message = `the entry has ${verbs.length} verbs: ${verbs.join(', ')}`;
        this.#add(at, 'two-verbs', message, 'one entry each');
      }
      if (entry.at > until) {
        const message = `${formatDuration(entry.at)} is after the end at ${formatDuration(until)}`;
        this.#add([...at, 'at'], 'after-end', message, 'raise until, or let it happen earlier');
      }
      this.#entry(at, entry);
    });
  }

  expectations(): LocatedExpectation[] {
    const parsed: LocatedExpectation[] = [];
    this.#scenario.expect.forEach((text, i) => {
      const path = ['expect', i] as const;
      const meaning = parseExpectation(text);
      if ('error' in meaning) {
        this.#add(path, 'unreadable-expectation', meaning.error, meaning.hint);
        return;
      }
      this.#expectation(path, meaning);
      parsed.push({ text, line: this.#document.positionOf(path).line, meaning });
    });
    return parsed;
  }

  #entry(at: YamlPath, entry: TimelineEntry): void {
    for (const verb of [
      'crash',
      'restart',
      'pause',
      'resume',
      'drain',
      'activate',
      'leave',
      'demote',
    ] as const) {
      if (entry[verb] !== undefined) this.#nodesAt([...at, verb], entry[verb]);
    }
    const { partition, heal, drop, delay } = entry;
    if (typeof partition === 'object' && !Array.isArray(partition)) {
      partition.between.forEach((end, j) => this.#nodesAt([...at, 'partition', 'between', j], end));
    } else if (partition !== undefined) {
      this.#nodesAt([...at, 'partition'], partition);
    }
    if (entry.starve !== undefined) this.#nodesAt([...at, 'starve', 'nodes'], entry.starve.nodes);
    if (entry.plugin !== undefined) this.#pluginFault([...at, 'plugin'], entry.plugin);
    if (entry.keys !== undefined) this.#keys([...at, 'keys'], entry.keys.nodes);
    if (heal !== undefined && heal !== true && heal !== 'all') this.#nodesAt([...at, 'heal'], heal);
    for (const [verb, fault] of [
      ['drop', drop],
      ['delay', delay],
    ] as const) {
      if (fault === undefined) continue;
      fault.between?.forEach((end, j) => this.#nodesAt([...at, verb, 'between', j], end));
      if (fault.between !== undefined && (fault.from ?? fault.to) !== undefined) {
        const message = 'between says both ends, so that from and to have no meaning';
        this.#add(
          [...at, verb],
          'two-meanings',
          message,
          'between for both ways, from and to for one',
        );
      }
      if (fault.from !== undefined) this.#nodesAt([...at, verb, 'from'], fault.from);
      if (fault.to !== undefined) this.#nodesAt([...at, verb, 'to'], fault.to);
    }
    for (const service of Object.keys(entry.scale ?? {})) {
      if (!this.#hasService(service)) {
        this.#unknown([...at, 'scale'], service, 'service', this.#serviceNames, true);
      }
    }
    if (entry.exec !== undefined) this.#exec([...at, 'exec'], entry.exec);
    for (const selector of Object.keys(entry.compose ?? {})) {
      this.#nodesAt([...at, 'compose', selector], selector);
    }
    for (const selector of Object.keys(entry.systemctl ?? {})) {
      this.#nodesAt([...at, 'systemctl', selector], selector);
    }
    for (const [selector, lines] of Object.entries(entry.docker ?? {})) {
      const path = [...at, 'docker', selector];
      this.#nodesAt(path, selector);
      for (const line of [lines].flat()) this.#dockerLine(path, line);
    }
    for (const verb of ['update', 'remove'] as const) {
      const said = entry[verb];
      const service = typeof said === 'object' ? said.service : said;
      if (service === undefined || this.#hasService(service)) continue;
      this.#unknown([...at, verb], service, 'service', this.#serviceNames, false);
    }
  }

  /** What the `docker` command would not understand. */
  #dockerLine(at: YamlPath, line: string): void {
    const major = engineVersionOf(this.#scenario.cluster.docker)?.major ?? 0;
    const complaint = dockerComplaint(line, major)?.stderr.split('\n')[0];
    if (complaint === undefined) return;
    const hint = 'such as run -d --name web -p 8080:80 nginx, without the word docker';
    this.#add(at, 'wrong-command', complaint, hint);
  }

  #exec(at: YamlPath, { on, run, container, netns }: NonNullable<TimelineEntry['exec']>): void {
    this.#source([...at, 'on'], on);
    const isNode = this.#nodes.names.includes(on);
    for (const [key, value] of Object.entries({ container, netns })) {
      if (value === undefined || isNode) continue;
      const message = `only nodes have a ${key}, and ${on} is none`;
      this.#add([...at, key], 'wrong-place', message, 'say on which node');
    }
    const tool = (typeof run === 'string' ? splitWords(run) : run)[0] ?? '';
    const name = tool.slice(tool.lastIndexOf('/') + 1);
    if (!TOOL_NAMES.includes(name)) {
      this.#unknown([...at, 'run'], name, 'tool', TOOL_NAMES, false);
    }
  }

  /** Keys change by their names, which not all clusters give theirs. */
  #keys(at: YamlPath, nodes: NonNullable<TimelineEntry['keys']>['nodes']): void {
    this.#nodesAt([...at, 'nodes'], nodes);
    const { gossip } = this.#scenario.cluster;
    const sections = [gossip, ...Object.values(gossip?.hosts ?? {})];
    if (sections.some((section) => (section?.keyring ?? []).length > 0)) return;
    const message = 'the keys of gossip have no names here';
    this.#add(at, 'no-keyring', message, 'such as cluster: { gossip: { keyring: [old] } }');
  }

  #expectation(path: YamlPath, meaning: Expectation): void {
    if ('node' in meaning && !this.#nodes.names.includes(meaning.node)) {
      this.#unknown(path, meaning.node, 'node', this.#nodes.names, false);
    }
    if (meaning.kind === 'service' && !this.#hasService(meaning.service)) {
      this.#unknown(path, meaning.service, 'service', this.#serviceNames, false);
    }
    if ('traffic' in meaning) {
      const names = this.#scenario.traffic.map((traffic) => traffic.name);
      if (!names.includes(meaning.traffic)) {
        this.#unknown(path, meaning.traffic, 'traffic', names, false);
      }
    }
    if ('command' in meaning) {
      const names = commandNamesOf(this.#scenario);
      if (!names.includes(meaning.command)) {
        this.#unknown(path, meaning.command, 'exec step', names, false);
      }
    }
    if ('of' in meaning) {
      const events = eventNamesOf(this.#scenario);
      if (!events.includes(meaning.of)) this.#unknown(path, meaning.of, 'event', events, false);
    }
  }

  get #serviceNames(): readonly string[] {
    return this.#stack?.services ?? [];
  }

  /** True for a service of the stack, and for any name when the stack could not be read. */
  #hasService(name: string): boolean {
    return this.#stack === undefined || this.#stack.services.includes(name);
  }

  #engine(path: YamlPath, text: string): void {
    if (engineVersionOf(text) !== undefined) return;
    const hint = `known are: ${ENGINE_VERSIONS.join(', ')}`;
    this.#add(path, 'unknown-version', `unknown Docker version '${text}'`, hint);
  }

  #nodesAt(path: YamlPath, selector: string | readonly string[]): void {
    if (typeof selector === 'string') this.#selector(path, selector);
    else selector.forEach((one, i) => this.#selector([...path, i], one));
  }

  #selector(path: YamlPath, selector: string): void {
    if (selectNodes(this.#nodes, selector) === undefined) {
      this.#unknown(path, selector, 'node', selectorsOf(this.#nodes), false);
    }
  }

  #unknown(
    path: YamlPath,
    word: string,
    what: string,
    known: readonly string[],
    isKey: boolean,
  ): void {
    const message = `unknown ${what} '${word}'`;
    const isStackless = what === 'service' && this.#scenario.stack === undefined;
    const hint = isStackless ? 'the scenario has no stack' : didYouMean(word, known);
    const code = `unknown-${what.replaceAll(' ', '-')}`;
    this.issues.push(
      isKey
        ? this.#document.issueAtKey(path, word, code, message, hint)
        : this.#document.issueAt(path, code, message, hint),
    );
  }

  #add(path: YamlPath, code: string, message: string, hint: string): void {
    this.issues.push(this.#document.issueAt(path, code, message, hint));
  }
}

/** The names of `exec` steps: their own or `exec`, numbered from the second one on. */
function commandNamesOf(scenario: Scenario): string[] {
  const counts = new Map<string, number>();
  const entries = scenario.timeline.filter((entry) => entry.exec !== undefined);
  entries.sort((a, b) => a.at - b.at);
  return entries.map(({ as = 'exec' }) => {
    const count = (counts.get(as) ?? 0) + 1;
    counts.set(as, count);
    return count === 1 ? as : `${as}-${count}`;
  });
}

/** What `of …` may name: the verbs that happen, the names of entries, and `start`. */
function eventNamesOf(scenario: Scenario): string[] {
  const names = new Set<string>(['start']);
  for (const entry of scenario.timeline) {
    if (entry.as !== undefined) names.add(entry.as);
    for (const verb of VERBS) if (entry[verb] !== undefined) names.add(verb);
  }
  return [...names];
}
