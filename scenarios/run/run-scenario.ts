/**
 * One run: builds the cluster of a loaded scenario, deploys its stack, plays its timeline, and turns
 * what was recorded into the result. Given equal scenarios and seeds, equal to the last bit.
 */
import { Cluster, type NodeOptions } from '../../cluster/cluster.ts';
import { GOSSIP_CUT_OFF } from '../../cluster/gossip-keys.ts';
import type { Machine } from '../../cluster/machine.ts';
import type { NameServerOptions } from '../../cluster/name-server.ts';
import { Counter } from '../../gossip/counters.ts';
import { NODE_STATUS } from '../../manager/manager-observer.ts';
import type { ClusterSpec } from '../../manager/objects/cluster.ts';
import { formatNodeState, type NodeState } from '../../manager/objects/node.ts';
import { CONTAINER_STATE } from '../../node/agent/executor.ts';
import type { CommandResult } from '../../node/docker/command.ts';
import { engineVersionOf, withOverlayDriver } from '../../node/engine-version.ts';
import { assert } from '../../sim/assert.ts';
import { observationKind } from '../../sim/observations.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import { daemonConfigOf } from '../language/daemon.ts';
import { clusterConfigOf, hostConfigOf } from '../language/gossip.ts';
import { addressChoicesOf } from '../language/interfaces.ts';
import { selectNodes } from '../language/node-names.ts';
import { pluginPlacementsOf } from '../language/plugins.ts';
import { type LoadedScenario, stackNameOf } from '../load.ts';
import { RESULT_SCHEMA_VERSION, type RunResult, type TimelineLine } from '../result.ts';
import { VERSION } from '../version.ts';
import { runCheckers } from './checkers.ts';
import { Commands } from './commands.ts';
import { applyConditions, baseConditions } from './conditions-of.ts';
import { judge } from './expectations.ts';
import { Faults } from './faults.ts';
import { measuresOf } from './measures.ts';
import { MembershipRecord } from './membership-record.ts';
import type { NodeStatusChange, RunRecord } from './run-record.ts';
import { ServiceHealth } from './service-health.ts';
import { StalenessRecord } from './staleness-record.ts';
import { TableRecord } from './table-record.ts';
import { tableSpreadsOf } from './table-spread.ts';
import { timelineLines } from './timeline-lines.ts';
import { FrontBalancer } from './traffic/front.ts';
import { type RequestObserver, TrafficSource } from './traffic/source.ts';

/** The seed of a run for which nobody chose one. */
export const DEFAULT_SEED = '1';

/** How long a stack may take to come up before traffic starts anyway. */
const STACK_UP_LIMIT_NS = 20 * SECOND_NS;

/** How to run. */
export interface RunOptions {
  readonly seed?: string | undefined;
  readonly shortcuts?: boolean;
  /** Ends the run early, in ns. */
  readonly untilNs?: number | undefined;
  /** Called when the world is made, before anything happens: for traces and captures. */
  readonly onCluster?: (cluster: Cluster) => void;
  /** Hears of the traffic's single requests. */
  readonly requests?: RequestObserver | undefined;
  /** Called now and then with how far the run is, in [0, 1]. */
  readonly onProgress?: (ratio: number) => void;
}

/** A run that has ended, with its cluster as it stands. */
export interface Run {
  readonly result: RunResult;
  readonly cluster: Cluster;
}

/** Runs a scenario to its end. */
export function runScenario(loaded: LoadedScenario, options: RunOptions = {}): Run {
  const stage = new Stage(loaded, options);
  stage.play();
  return { result: stage.result(), cluster: stage.cluster };
}

/** One run in the making. */
class Stage {
  readonly cluster: Cluster;
  readonly #world: World;
  readonly #loaded: LoadedScenario;
  readonly #options: RunOptions;
  readonly #seed: string;
  readonly #untilNs: number;
  readonly #faults: Faults;
  readonly #commands: Commands;
  readonly #membership: MembershipRecord;
  readonly #tables: TableRecord;
  readonly #staleness: StalenessRecord;
  readonly #services = new ServiceHealth();
  readonly #running = new Map<string, number>();
  readonly #nodeStatuses: NodeStatusChange[] = [];
  readonly #agreements: number[] = [];
  readonly #drops: number[] = [];
  readonly #underlayDrops = new Map<string, number>();
  readonly #traffic: TrafficSource[];
  readonly #noted: TimelineLine[] = [];
  readonly #warnings: string[];
  #hasTraffic = false;

  constructor(loaded: LoadedScenario, options: RunOptions) {
    const { scenario } = loaded;
    this.#loaded = loaded;
    this.#options = options;
    this.#seed = options.seed ?? scenario.seed ?? DEFAULT_SEED;
    this.#untilNs = Math.min(scenario.until, options.untilNs ?? scenario.until);
    this.#warnings = loaded.warnings.map((w) => `${w.file}:${w.line}:${w.column}: ${w.message}`);
    this.#world = new World(this.#seed);
    const cluster = new Cluster({
      world: this.#world,
      nodes: nodeOptionsOf(loaded),
      conditions: baseConditions(scenario.cluster.underlay),
      gossip: clusterConfigOf(scenario.cluster.gossip),
      spec: clusterSpecOf(scenario),
      shortcuts: options.shortcuts ?? true,
      nameServers: nameServersOf(scenario.cluster.dns),
      search: scenario.cluster.dns.search,
      localResolver: scenario.cluster.dns.local,
      plugins: pluginPlacementsOf(scenario.cluster, loaded.nodes),
    });
    this.cluster = cluster;
    applyConditions(cluster.underlay, scenario.cluster.underlay, loaded.nodes);
    this.#faults = new Faults(cluster, loaded.nodes, this.#stackName, loaded.projects);
    this.#commands = new Commands(cluster);
    this.#faults.onDocker = (node, line, result) => this.#noteDocker(node, line, result);
    this.#tables = new TableRecord(cluster, scenario.tables !== 'none');
    this.#staleness = new StalenessRecord(cluster);
    cluster.onBoot = (index) => {
      this.#faults.noteRunning(index);
      this.#staleness.watch(index);
    };
    cluster.onEngine = (index, isUp) => {
      if (!isUp) this.#faults.noteStopped(index);
      else cluster.onBoot?.(index);
    };
    this.#membership = new MembershipRecord(this.#world.observations, {
      nodeOf: (member) => cluster.machineOfMember(member).index,
      isRunning: (member) => cluster.swim.isRunning(member),
    });
    this.#traffic = scenario.traffic.map((traffic) => {
      const { front: settings } = traffic;
      const front = settings && new FrontBalancer(this.#machinesOf(settings.nodes), settings);
      return new TrafficSource(cluster, traffic, scenario.until, front, options.requests);
    });
    this.#subscribe();
    options.onCluster?.(cluster);
  }

  /** Plays the whole run. */
  play(): void {
    const { queue } = this.#world;
    const { scenario } = this.#loaded;
    queue.scheduleCallback(this.cluster.formedAtNs, () => this.#deploy());
    for (const entry of scenario.timeline) {
      if (entry.at > scenario.until) continue;
      queue.scheduleCallback(entry.at, () => {
        if (entry.exec !== undefined) {
          this.#commands.start(entry.exec, entry.as);
          return;
        }
        this.#staleness.start();
        this.#faults.play(entry);
        this.#updateWanted();
      });
    }
    for (const source of this.#traffic) {
      const { start } = source.traffic;
      if (start !== undefined) queue.scheduleCallback(start, () => source.start());
    }
    const steps = 100;
    for (let step = 1; step <= steps; step++) {
      queue.runUntil(Math.round((this.#untilNs * step) / steps));
      this.#options.onProgress?.(step / steps);
    }
  }

  /** What the run came to. */
  result(): RunResult {
    const { scenario, file, configHash, expectations } = this.#loaded;
    const record = this.#record();
    const tables = tableSpreadsOf(record, scenario.tables === 'all');
    const measures = measuresOf(record, tables);
    const outcomes = judge(expectations, record, measures, file);
    return {
      schemaVersion: RESULT_SCHEMA_VERSION,
      swarmlab: VERSION,
      scenario: scenario.name,
      file,
      seed: this.#seed,
      configHash,
      digest: this.#world.observations.digest.text,
      verdict: outcomes.every((outcome) => outcome.met) ? 'passed' : 'failed',
      virtualSeconds: this.#untilNs / SECOND_NS,
      measures,
      tables,
      traffic: record.traffic.map((traffic) => traffic.result),
      commands: record.commands,
      expectations: outcomes,
      timeline: timelineLines(record, this.#noted),
      warnings: this.#warnings,
    };
  }

  get #stackName(): string {
    const { stack } = this.#loaded.scenario;
    return stack === undefined ? '' : stackNameOf(stack);
  }

  #record(): RunRecord {
    return {
      nodes: this.#loaded.nodes,
      events: this.#faults.events,
      endNs: this.#untilNs,
      membership: this.#membership,
      nodeStatuses: this.#nodeStatuses,
      services: this.#services,
      traffic: this.#traffic.map((source) => source.record),
      networkDbAgreements: this.#agreements,
      networkDbDrops: this.#drops,
      tables: this.#tables,
      staleness: this.#staleness,
      commands: this.#commands.finish(),
      gossip: this.cluster.machines.map((machine) => this.#gossipLoadOf(machine.index)),
      underlayDrops: this.#underlayDrops,
      checkers: runCheckers(this.cluster),
      isRunning: (node, atNs) => this.#faults.isRunning(node, atNs),
      isReachable: (from, to, atNs) => this.#faults.isReachable(from, to, atNs),
    };
  }

  #gossipLoadOf(node: number): { packets: number; bytes: number } {
    const { swim } = this.cluster;
    let packets = 0;
    let bytes = 0;
    for (let member = 0; member < swim.memberCount; member++) {
      if (this.cluster.machineOfMember(member).index !== node) continue;
      packets += swim.counterOf(member, Counter.packetsSent);
      bytes += swim.counterOf(member, Counter.packetBytesSent);
    }
    return { packets, bytes };
  }

  #deploy(): void {
    const { stack } = this.#loaded;
    if (stack !== undefined) {
      if (!this.cluster.hasLeader) {
        this.#note('service', 'no manager runs that could deploy the stack');
      } else {
        const answer = this.cluster.deployStack(this.#stackName, stack);
        if (typeof answer === 'string') this.#note('service', `deployment refused: ${answer}`);
        else this.#note('service', `stack ${this.#stackName} deployed`);
      }
      this.#updateWanted();
    }
    this.#world.queue.scheduleCallback(
      this.#world.nowNs + (stack === undefined ? 0 : STACK_UP_LIMIT_NS),
      () => this.#startTraffic('the stack is not up, but it is time'),
    );
  }

  #startTraffic(why: string): void {
    if (this.#hasTraffic) return;
    this.#hasTraffic = true;
    const sources = this.#traffic.filter((source) => source.traffic.start === undefined);
    for (const source of sources) source.start();
    const names = sources.map((source) => source.traffic.name).join(', ');
    if (names !== '') this.#note('traffic', `${names} starts: ${why}`);
  }

  #machinesOf(selectors: string | readonly string[]): Machine[] {
    const indexes = [selectors].flat().flatMap((one) => selectNodes(this.#loaded.nodes, one) ?? []);
    return [...new Set(indexes)].map((index) => this.cluster.machines[index]!);
  }

  #subscribe(): void {
    const { observations } = this.#world;
    observations.subscribe(CONTAINER_STATE, ({ a, text }) => {
      const service = text.split('.')[0]!;
      this.#running.set(service, (this.#running.get(service) ?? 0) + (a === 1 ? 1 : -1));
      this.#updateWanted();
    });
    observations.subscribe(NODE_STATUS, ({ atNs, node, b }) => {
      if (node < 0) return;
      const state = formatNodeState(b as NodeState) as NodeStatusChange['state'];
      this.#nodeStatuses.push({ atNs, node, state });
    });
    observations.subscribe(GOSSIP_CUT_OFF, ({ atNs, node, a, text }) => {
      const what = a === 1 ? `is cut off by its gossip keys: ${text}` : 'is not cut off any more';
      const { names } = this.#loaded.nodes;
      this.#noted.push({ atNs, topic: 'keys', node: names[node]!, text: what });
    });
    observations.subscribe(observationKind('networkdb.agreed'), ({ atNs }) => {
      // one entry is settled; the tables are when no other is disputed
      if (this.cluster.db.disputedCount === 0) this.#agreements.push(atNs);
    });
    observations.subscribe(observationKind('underlay.drop'), ({ text }) => {
      this.#underlayDrops.set(text, (this.#underlayDrops.get(text) ?? 0) + 1);
    });
    observations.subscribe(observationKind('networkdb.dropped'), ({ atNs }) =>
      this.#drops.push(atNs),
    );
  }

  /** Compares what runs with what is wanted, for every service. */
  #updateWanted(): void {
    if (!this.cluster.hasLeader) {
      this.#noteHealth(new Map());
      return;
    }
    const wanted = new Map<string, number>();
    for (const { spec } of this.cluster.leader.control.services()) {
      const replicas = spec.mode.kind === 'replicated' ? spec.mode.replicas : this.#globalCount();
      wanted.set(spec.annotations.name, replicas);
    }
    this.#noteHealth(wanted);
    const isUp = wanted.size > 0 && [...wanted].every(([s, n]) => (this.#running.get(s) ?? 0) >= n);
    if (isUp) this.#startTraffic('the stack is up');
  }

  #noteHealth(wanted: ReadonlyMap<string, number>): void {
    const { nowNs } = this.#world;
    const services = new Set([...wanted.keys(), ...this.#services.services]);
    for (const service of services) {
      const last = this.#services.changesOf(service).at(-1)?.wanted ?? 0;
      const running = this.#running.get(service) ?? 0;
      this.#services.note(service, nowNs, running, wanted.get(service) ?? last);
    }
  }

  #globalCount(): number {
    return this.cluster.machines.filter((machine) => machine.isOn).length;
  }

  /** Notes what a command complained about. */
  #noteDocker(node: number, line: string, { stderr }: CommandResult): void {
    if (stderr === '') return;
    const complaint = stderr.trimEnd().split('\n')[0]!;
    const text = `docker ${line.split(' ')[0]}: ${complaint}`;
    const name = this.#loaded.nodes.names[node]!;
    this.#noted.push({ atNs: this.#world.nowNs, topic: 'docker', node: name, text });
  }

  #note(topic: string, text: string): void {
    this.#noted.push({ atNs: this.#world.nowNs, topic, node: '', text });
  }
}

function nameServersOf(dns: LoadedScenario['scenario']['cluster']['dns']): NameServerOptions[] {
  return dns.servers.map(({ address, records, otherwise, delay }) => ({
    address,
    records: new Map(Object.entries(records).map(([name, list]) => [name.toLowerCase(), list])),
    mood: otherwise,
    delay,
  }));
}

/** What `docker swarm init` was told. */
function clusterSpecOf({ cluster }: LoadedScenario['scenario']): Partial<ClusterSpec> {
  const pools = cluster['default-addr-pool'];
  return {
    heartbeatPeriodNs: cluster['dispatcher-heartbeat'],
    dataPathPort: cluster['data-path-port'],
    ...(pools === undefined ? {} : { defaultAddressPool: pools }),
  };
}

function nodeOptionsOf({ scenario, nodes }: LoadedScenario): NodeOptions[] {
  const { cluster } = scenario;
  return nodes.names.map((name, index) => {
    const facts = cluster.nodes[name];
    const engine = engineVersionOf(facts?.docker ?? cluster.docker);
    assert(engine !== undefined, 'versions are checked at loading');
    return {
      name,
      engine: withOverlayDriver(engine, facts?.['overlay-driver'] ?? cluster['overlay-driver']),
      isManager: index < nodes.managerCount,
      gossip: hostConfigOf(cluster.gossip, nodes, index),
      ...(facts?.labels === undefined ? {} : { labels: facts.labels }),
      ...(facts?.availability === undefined ? {} : { availability: facts.availability }),
      daemon: daemonConfigOf(cluster, name),
      clockDriftRatio: facts?.['clock-drift'] ?? 0,
      kernel: facts?.kernel ?? cluster.kernel,
      missingModules: facts?.['missing-modules'] ?? cluster['missing-modules'],
      hasFirewalld: facts?.firewalld ?? cluster.firewalld,
      addresses: addressChoicesOf(cluster, nodes, index),
    };
  });
}
