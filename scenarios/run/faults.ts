/**
 * Plays the timeline: turns its verbs into operations on the cluster and rules of the underlay, and
 * knows afterwards who ran and who could reach whom, when.
 */
import type { Cluster } from '../../cluster/cluster.ts';
import { isNoPlace, placeOf } from '../../cluster/places.ts';
import type { DelayRange, FlowFilter, UnderlayRule } from '../../cluster/underlay/conditions.ts';
import type { RuleId } from '../../cluster/underlay/paths.ts';
import { KEYRING_CHANGES } from '../../gossip/transport/keyring-change.ts';
import { BURST_NS, type Starvation } from '../../gossip/transport/starvation.ts';
import type { Result } from '../../manager/control/result.ts';
import { NodeAvailability, NodeRole } from '../../manager/objects/node.ts';
import { splitWords } from '../../net/netfilter/command-words.ts';
import { composeDown, composeUp } from '../../node/daemon/compose/compose.ts';
import type { ComposeProject } from '../../node/daemon/compose/project.ts';
import type { Daemon } from '../../node/daemon/daemon.ts';
import type { CommandResult } from '../../node/docker/command.ts';
import { dockerWords, unreachable } from '../../node/docker/docker.ts';
import { launch } from '../../node/tools/launch.ts';
import { answerOf, type Steps, takeSteps } from '../../sim/steps.ts';
import { formatDuration } from '../../sim/time.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import { NextHeader } from '../../wire/ipv6/header.ts';
import { type NodeNames, selectNodes } from '../language/node-names.ts';
import {
  type ComposeCommand,
  projectKey,
  type TimelineEntry,
  VERBS,
} from '../language/scenario.ts';
import { portChangeOf, portsText } from './port-update.ts';
import { FAULT_VERBS, RETURN_VERBS, type TimelineEvent } from './timeline-events.ts';

/** What is an operation of the simulator; `exec` is a tool's. */
type Verb = Exclude<(typeof VERBS)[number], 'exec'>;

type Selector = string | readonly string[];

interface Impairment {
  readonly between?: readonly [Selector, Selector] | undefined;
  readonly from?: Selector | undefined;
  readonly to?: Selector | undefined;
  readonly for?: number | undefined;
  readonly protocol?: 'udp' | 'tcp' | 'icmp' | 'icmpv6' | 'esp' | undefined;
  readonly port?: number | undefined;
}

interface Installed {
  readonly id: RuleId;
  readonly nodes: readonly number[];
}

interface Interval {
  readonly fromNs: number;
  untilNs: number;
}

/** What the timeline does to a cluster. */
export class Faults {
  readonly events: TimelineEvent[] = [];
  /** Hears what `docker` printed on a node, when it is done. */
  onDocker: ((node: number, line: string, result: CommandResult) => void) | undefined;
  readonly #cluster: Cluster;
  readonly #nodes: NodeNames;
  readonly #stackName: string;
  readonly #projects: ReadonlyMap<string, ComposeProject>;
  readonly #rules: Installed[] = [];
  /** What the entry that is played was refused, for its text. */
  #refusal = '';
  /** When each node did not run, and when something stood between nodes. */
  readonly #downtimes: Interval[][];
  readonly #obstacles: (Interval & { readonly covers: UnderlayRule['covers']; id: RuleId })[] = [];

  constructor(
    cluster: Cluster,
    nodes: NodeNames,
    stackName: string,
    projects: ReadonlyMap<string, ComposeProject>,
  ) {
    this.#cluster = cluster;
    this.#nodes = nodes;
    this.#stackName = stackName;
    this.#projects = projects;
    this.#downtimes = nodes.names.map(() => []);
  }

  /** Does what an entry says, now. */
  play(entry: TimelineEntry): TimelineEvent {
    const { nowNs } = this.#cluster.world;
    const verb = VERBS.find((candidate) => entry[candidate] !== undefined) as Verb;
    const wasRunning = this.#nodes.names.map((_, node) => this.isRunning(node, nowNs));
    this.#refusal = '';
    const nodes = this.#play(entry, verb);
    const isReboot = verb !== 'restart' || nodes.some((node) => wasRunning[node]);
    const line = Object.values(entry.systemctl ?? {}).join('; ');
    const names = nodes.map((node) => this.#nodes.names[node]!).join(', ');
    const event: TimelineEvent = {
      name: entry.as ?? verb,
      verb,
      atNs: nowNs,
      nodes,
      breaks: (FAULT_VERBS.has(verb) && isReboot) || /\b(stop|restart|kill)\b.*\bdocker/.test(line),
      mends: RETURN_VERBS.has(verb) || /\b(start|restart)\b.*\bdocker/.test(line),
      text: describe(entry, verb, names) + this.#refusal,
    };
    this.events.push(event);
    return event;
  }

  /** True when the node's engine ran at that instant. */
  isRunning(node: number, atNs: number): boolean {
    return !this.#downtimes[node]!.some((d) => atNs >= d.fromNs && atNs < d.untilNs);
  }

  /** True when nothing of the timeline stood between two nodes at that instant. */
  isReachable(from: number, to: number, atNs: number): boolean {
    return !this.#obstacles.some(
      (o) => atNs >= o.fromNs && atNs < o.untilNs && (o.covers(from, to) || o.covers(to, from)),
    );
  }

  #play(entry: TimelineEntry, verb: Verb): number[] {
    switch (verb) {
      case 'crash':
      case 'restart':
      case 'pause':
      case 'resume':
        return this.#power(verb, this.#select(entry[verb]!));
      case 'partition':
        return this.#partition(entry.partition!);
      case 'heal':
        return this.#heal(entry.heal!);
      case 'drop':
        return this.#impair(entry.drop!, { lossRatio: entry.drop!.loss });
      case 'delay': {
        const delay: DelayRange = entry.delay!.by;
        return this.#impair(entry.delay!, { delay });
      }
      case 'starve':
        return this.#starve(entry.starve!);
      case 'keys':
        return this.#changeKeys(entry.keys!);
      case 'plugin':
        return this.#disturbPlugin(entry.plugin!);
      case 'drain':
      case 'activate': {
        const nodes = this.#select(entry[verb]!);
        const availability = verb === 'drain' ? NodeAvailability.drain : NodeAvailability.active;
        for (const node of nodes) this.#setAvailability(node, availability);
        return nodes;
      }
      case 'leave':
        return this.#leave(this.#select(entry.leave!));
      case 'demote':
        return this.#demote(this.#select(entry.demote!));
      case 'scale':
        for (const [service, replicas] of Object.entries(entry.scale!)) {
          this.#withLeader((control) =>
            control.scaleService(`${this.#stackName}_${service}`, replicas, () => {}),
          );
        }
        return [];
      case 'update':
        this.#update(entry.update!);
        return [];
      case 'remove':
        this.#withLeader((control) => {
          const found = control.findService(`${this.#stackName}_${entry.remove!}`);
          if (found.ok) control.removeService(found.value.id, () => {});
        });
        return [];
      case 'compose':
        return Object.entries(entry.compose!).flatMap(([selector, command]) =>
          this.#compose(this.#select(selector), command),
        );
      case 'systemctl':
        return Object.entries(entry.systemctl!).flatMap(([selector, line]) =>
          this.#systemctl(this.#select(selector), line),
        );
      case 'docker':
        return Object.entries(entry.docker!).flatMap(([selector, lines]) =>
          this.#docker(this.#select(selector), [lines].flat()),
        );
    }
  }

  #update(update: NonNullable<TimelineEntry['update']>): void {
    const service = typeof update === 'string' ? update : update.service;
    const name = `${this.#stackName}_${service}`;
    const reply = this.#refusalOf(service);
    this.#withLeader((control) => {
      if (typeof update === 'string') control.forceUpdateService(name, reply);
      else control.updatePorts(name, portChangeOf(update), reply);
    });
  }

  /** Notes what the manager refuses, as the `docker` command says it. */
  #refusalOf(subject: string): (result: Result<unknown>) => void {
    return (result) => {
      if (result.ok) return;
      const { code, message } = result.refusal;
      const text = `rpc error: code = ${code} desc = ${message}`;
      this.#refusal += `; ${subject}: Error response from daemon: ${text}`;
    };
  }

  /** `docker swarm leave`, typed on each node. */
  #leave(nodes: readonly number[]): number[] {
    return nodes.filter((node) => {
      const machine = this.#cluster.machines[node]!;
      const refusal = machine.leaveSwarm();
      if (refusal === undefined) return true;
      this.#refusal += `; ${machine.name}: Error response from daemon: ${refusal.trimEnd()}`;
      return false;
    });
  }

  /** `docker node demote`, typed on the manager. */
  #demote(nodes: readonly number[]): number[] {
    for (const node of nodes) {
      const machine = this.#cluster.machines[node]!;
      this.#withLeader((control) => {
        const found = control.findNode(machine.nodeId);
        if (!found.ok) return;
        const { id, meta, spec } = found.value;
        if (spec.role === NodeRole.worker) {
          this.#refusal += `; Node ${machine.name} is already a worker.`;
          return;
        }
        const demoted = { ...spec, role: NodeRole.worker };
        control.updateNode(id, meta.version, demoted, this.#refusalOf(machine.name));
      });
    }
    return [...nodes];
  }

  #power(verb: 'crash' | 'restart' | 'pause' | 'resume', nodes: number[]): number[] {
    for (const node of nodes) {
      const isDown = verb === 'crash' || verb === 'pause' || verb === 'restart';
      if (isDown) this.noteStopped(node);
      if (verb === 'resume') this.noteRunning(node);
      this.#cluster[verb](node);
    }
    return nodes;
  }

  /** Types commands on nodes; who has no power is passed over, a daemon that stands still waits. */
  #docker(nodes: readonly number[], lines: readonly string[]): number[] {
    const running = nodes.filter((node) => this.#cluster.machines[node]!.isOn);
    for (const node of running) {
      const { daemon } = this.#cluster.machines[node]!.host!;
      daemon.host.process.whenAwake(() => {
        takeSteps(this.#typeAll(node, daemon, lines), () => {});
      });
    }
    return running;
  }

  /** One line after the other, each when the one before it is done. */
  *#typeAll(node: number, daemon: Daemon, lines: readonly string[]): Steps<void> {
    for (const line of lines) {
      const result = yield* answerOf<CommandResult>((resume) =>
        dockerWords(daemon, splitWords(line), resume),
      );
      this.onDocker?.(node, line, result);
    }
  }

  /** Does something to a service of nodes that have power. */
  #systemctl(nodes: readonly number[], line: string): number[] {
    const running = nodes.filter((node) => this.#cluster.machines[node]!.isOn);
    for (const node of running) {
      const name = this.#nodes.names[node]!;
      const place = placeOf(this.#cluster, { on: name });
      if (isNoPlace(place)) continue;
      launch(place, ['systemctl', ...splitWords(line)], {
        onOutput: (text) => {
          this.#refusal += `; ${name}: ${text.trimEnd()}`;
        },
        onExit: () => {},
      });
    }
    return running;
  }

  /** Brings a compose project up or down on nodes. */
  #compose(nodes: readonly number[], compose: ComposeCommand): number[] {
    const running = nodes.filter((node) => this.#cluster.machines[node]!.isOn);
    const project = this.#projects.get(projectKey(compose))!;
    const { command, files, 'remove-orphans': removesOrphans } = compose;
    const line = `compose ${command} ${files.join(' ')}`;
    for (const node of running) {
      const { daemon } = this.#cluster.machines[node]!.host!;
      const { process, engine } = daemon.host;
      process.whenAwake(() => {
        if (!process.isUp) {
          this.onDocker?.(node, line, unreachable('compose', engine));
          return;
        }
        const play = command === 'up' ? composeUp : composeDown;
        takeSteps(play(daemon, project, removesOrphans), ({ lines, complaint }) => {
          const stdout = lines.map((each) => `${each}\n`).join('');
          const stderr = complaint === undefined ? '' : `${complaint}\n`;
          const exitCode = complaint === undefined ? 0 : 1;
          this.onDocker?.(node, line, { stdout, stderr, exitCode });
        });
      });
    }
    return running;
  }

  /** A node's engine does not run from now on. */
  noteStopped(node: number): void {
    const { nowNs } = this.#cluster.world;
    if (!this.isRunning(node, nowNs)) return;
    this.#downtimes[node]!.push({ fromNs: nowNs, untilNs: Number.POSITIVE_INFINITY });
  }

  /** A node runs again from now on. */
  noteRunning(node: number): void {
    const last = this.#downtimes[node]!.at(-1);
    if (last?.untilNs === Number.POSITIVE_INFINITY) last.untilNs = this.#cluster.world.nowNs;
  }

  #partition(partition: NonNullable<TimelineEntry['partition']>): number[] {
    if (typeof partition === 'object' && !Array.isArray(partition)) {
      const { between } = partition as { between: [Selector, Selector] };
      const left = this.#select(between[0]);
      const right = this.#select(between[1]);
      this.#install({ blockedBy: 'partition', covers: bothWays(left, right) }, [...left, ...right]);
      return left.length <= right.length ? left : right;
    }
    const isolated = new Set(this.#select(partition as Selector));
    const covers = (from: number, to: number) => isolated.has(from) !== isolated.has(to);
    this.#install({ blockedBy: 'partition', covers }, [...isolated]);
    return [...isolated];
  }

  #heal(heal: NonNullable<TimelineEntry['heal']>): number[] {
    const isAll = heal === true || heal === 'all';
    const chosen = isAll ? undefined : new Set(this.#select(heal as Selector));
    const healed = this.#rules.filter(
      (rule) => chosen === undefined || rule.nodes.some((node) => chosen.has(node)),
    );
    for (const rule of healed) this.#uninstall(rule);
    const everybody = this.#nodes.names.map((_, i) => i);
    const relieved = this.#relieve(everybody.filter((node) => chosen?.has(node) ?? true));
    const nodes = new Set([...healed.flatMap((rule) => rule.nodes), ...relieved]);
    return [...nodes].sort((a, b) => a - b);
  }

  #impair(fault: Impairment, effect: Partial<UnderlayRule>): number[] {
    const { between } = fault;
    const everybody = this.#nodes.names.map((_, i) => i);
    const left = between !== undefined ? this.#select(between[0]) : this.#selectOr(fault.from);
    const right = between !== undefined ? this.#select(between[1]) : this.#selectOr(fault.to);
    const isFrom = new Set(left ?? everybody);
    const isTo = new Set(right ?? everybody);
    const covers =
      between !== undefined
        ? bothWays(left!, right!)
        : (from: number, to: number) => isFrom.has(from) && isTo.has(to);
    const filter = filterOf(fault);
    const nodes = [...new Set([...(left ?? []), ...(right ?? [])])].sort((a, b) => a - b);
    const rule = { ...effect, covers, ...(filter === undefined ? {} : { filter }) };
    const installed = this.#install(rule, nodes);
    if (fault.for !== undefined) {
      const { queue } = this.#cluster.world;
      queue.scheduleCallback(queue.nowNs + fault.for, () => this.#uninstall(installed));
    }
    return nodes;
  }

  #starve(starve: NonNullable<TimelineEntry['starve']>): number[] {
    const nodes = this.#select(starve.nodes);
    const { wait, share, burst = BURST_NS } = starve;
    const starvation = { wait, shareRatio: share, burstNs: burst };
    for (const node of nodes) this.#cluster.starve(node, starvation);
    if (starve.for !== undefined) {
      const { queue } = this.#cluster.world;
      queue.scheduleCallback(queue.nowNs + starve.for, () => this.#relieve(nodes, starvation));
    }
    return nodes;
  }

  #changeKeys(keys: NonNullable<TimelineEntry['keys']>): number[] {
    const nodes = this.#select(keys.nodes);
    const change = KEYRING_CHANGES.find((word) => keys[word] !== undefined)!;
    for (const node of nodes) {
      const machine = this.#cluster.machines[node]!;
      const error = machine.changeKeyring(change, keys[change]!);
      if (error !== undefined) this.#refusal += `; ${machine.name}: ${error}`;
    }
    return nodes;
  }

  /** A plugin's process dies or comes back; where there is none nothing happens. */
  #disturbPlugin({ nodes, kill, start }: NonNullable<TimelineEntry['plugin']>): number[] {
    const { plugins, machines } = this.#cluster;
    return this.#select(nodes).filter((node) => {
      if (!machines[node]!.isOn) return false;
      return kill === undefined ? plugins.start(node, start!) : plugins.kill(node, kill);
    });
  }

  /** Ends the starvation of nodes: any, or only the given one. */
  #relieve(nodes: readonly number[], starvation?: Starvation): number[] {
    const relieved = nodes.filter((node) => {
      const present = this.#cluster.machines[node]!.starvation;
      return present !== undefined && (starvation ?? present) === present;
    });
    for (const node of relieved) this.#cluster.relieve(node);
    return relieved;
  }

  #install(rule: UnderlayRule, nodes: readonly number[]): Installed {
    const id = this.#cluster.underlay.paths.install(rule);
    const installed = { id, nodes };
    this.#rules.push(installed);
    if (rule.blockedBy !== undefined || (rule.lossRatio ?? 0) >= 1) {
      const fromNs = this.#cluster.world.nowNs;
      const untilNs = Number.POSITIVE_INFINITY;
      this.#obstacles.push({ fromNs, untilNs, covers: rule.covers, id });
    }
    return installed;
  }

  #uninstall(installed: Installed): void {
    const index = this.#rules.indexOf(installed);
    if (index < 0) return;
    this.#rules.splice(index, 1);
    this.#cluster.underlay.paths.remove(installed.id);
    const obstacle = this.#obstacles.find((o) => o.id === installed.id);
    if (obstacle !== undefined) obstacle.untilNs = this.#cluster.world.nowNs;
  }

  #setAvailability(node: number, availability: NodeAvailability): void {
    const machine = this.#cluster.machines[node]!;
    this.#withLeader((control) => {
      const found = control.findNode(machine.nodeId);
      if (!found.ok) return;
      const { id, meta, spec } = found.value;
      control.updateNode(id, meta.version, { ...spec, availability }, () => {});
    });
  }

  #withLeader(action: (control: Cluster['leader']['control']) => void): void {
    if (this.#cluster.hasLeader) action(this.#cluster.leader.control);
  }

  #selectOr(selector: Selector | undefined): number[] | undefined {
    return selector === undefined ? undefined : this.#select(selector);
  }

  #select(selector: Selector): number[] {
    const parts = typeof selector === 'string' ? [selector] : selector;
    const nodes = parts.flatMap((part) => selectNodes(this.#nodes, part) ?? []);
    return [...new Set(nodes)].sort((a, b) => a - b);
  }
}

function bothWays(left: readonly number[], right: readonly number[]): UnderlayRule['covers'] {
  const isLeft = new Set(left);
  const isRight = new Set(right);
  return (from, to) =>
    (isLeft.has(from) && isRight.has(to)) || (isRight.has(from) && isLeft.has(to));
}

function filterOf(fault: Impairment): FlowFilter | undefined {
  if (fault.protocol === undefined && fault.port === undefined) return undefined;
  const { protocol: name = 'udp' } = fault;
  const protocol = name === 'icmpv6' ? NextHeader.icmpv6 : IpProtocol[name];
  return fault.port === undefined ? { protocol } : { protocol, port: fault.port };
}

function describe(entry: TimelineEntry, verb: Verb, names: string): string {
  switch (verb) {
    case 'drop':
      return `drop ${Math.round(entry.drop!.loss * 100)}% ${scopeOf(entry.drop!)}`;
    case 'delay':
      return `delay by ${formatDuration(entry.delay!.by.maxNs)} ${scopeOf(entry.delay!)}`;
    case 'starve':
      return `starve ${names}${spanOf(entry.starve!)}`;
    case 'keys': {
      const change = KEYRING_CHANGES.find((word) => entry.keys![word] !== undefined)!;
      return `${change} key ${entry.keys![change]} at ${names}`;
    }
    case 'plugin': {
      const { kill, start } = entry.plugin!;
      return `${kill === undefined ? 'start' : 'kill'} plugin ${kill ?? start} at ${names}`;
    }
    case 'scale':
      return `scale ${Object.entries(entry.scale!)
        .map(([service, replicas]) => `${service} to ${replicas}`)
        .join(', ')}`;
    case 'update':
      return typeof entry.update === 'string'
        ? `update service ${entry.update}`
        : `update service ${entry.update!.service}${portsText(entry.update!)}`;
    case 'remove':
      return `remove service ${entry.remove}`;
    case 'compose':
      return Object.entries(entry.compose!)
        .map(([node, { command, files }]) => {
          return `${node}: docker compose ${command} ${files.join(' ')}`;
        })
        .join(', ');
    case 'systemctl':
      return Object.entries(entry.systemctl!)
        .map(([node, line]) => `${node}: systemctl ${line}`)
        .join(', ');
    case 'docker':
      return Object.entries(entry.docker!)
        .map(([node, lines]) => `${node}: docker ${[lines].flat().join('; docker ')}`)
        .join(', ');
    default:
      return `${verb} ${names}`.trim();
  }
}

function spanOf(fault: { readonly for?: number | undefined }): string {
  return fault.for === undefined ? '' : ` for ${formatDuration(fault.for)}`;
}

function scopeOf(fault: Impairment): string {
  const text = (selector: Selector) =>
    typeof selector === 'string' ? selector : selector.join(', ');
  const flow =
    fault.protocol === undefined
      ? ''
      : ` ${fault.protocol}${fault.port === undefined ? '' : `/${fault.port}`}`;
  const span = spanOf(fault);
  if (fault.between !== undefined) {
    return `between ${text(fault.between[0])} and ${text(fault.between[1])}${flow}${span}`;
  }
  const from = fault.from === undefined ? 'anybody' : text(fault.from);
  const to = fault.to === undefined ? 'anybody' : text(fault.to);
  return `from ${from} to ${to}${flow}${span}`;
}
