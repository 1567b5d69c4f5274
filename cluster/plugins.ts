/**
 * The sample plugins of a cluster: on which hosts they run, where their central services are, and
 * that both are there again when a machine boots. What a service knows is on its machine's disk; what
 * a plugin knows is gone with the power.
 */
import { AttachedPlugin } from '../node/plugins/attached-plugin.ts';
import { PluginFolder, type PluginServer } from '../node/plugins/plugin-folder.ts';
import { type CentralFacts, serveCentrally } from '../node/plugins/samples/central-service.ts';
import { PluginProcess } from '../node/plugins/samples/sample-plugin.ts';
import { type PluginStyle, styleOf } from '../node/plugins/samples/styles.ts';
import type { World } from '../sim/world.ts';
import type { Machine } from './machine.ts';

/** One style of plugin in a cluster. */
export interface PluginPlacement {
  readonly style: PluginStyle;
  /** Indexes of the nodes that it runs on. */
  readonly nodes: readonly number[];
  /** Index of the node that its central service runs on, for styles that have one. */
  readonly central: number;
}

/** All sample plugins of a cluster. */
export class ClusterPlugins {
  readonly #machines: readonly Machine[];
  readonly #placements: readonly PluginPlacement[];
  readonly #services = new Map<PluginPlacement, CentralFacts>();
  /** Plugins of the real world. */
  readonly #attached: { name: string; nodes: readonly number[]; real: PluginServer }[] = [];
  /** The processes of each node's present host by style. */
  readonly #processes = new Map<number, Map<PluginStyle, PluginProcess>>();

  constructor(world: World, machines: readonly Machine[], placements: readonly PluginPlacement[]) {
    this.#machines = machines;
    this.#placements = placements;
    for (const placement of placements) {
      const facts = styleOf(placement.style).central?.(world);
      if (facts !== undefined) this.#services.set(placement, facts);
    }
  }

  /** Lets a plugin of the real world be found under a name on nodes, whenever they boot. */
  attach(name: string, nodes: readonly number[], real: PluginServer): void {
    this.#attached.push({ name, nodes, real });
  }

  /** A machine has booted: its services listen, and its plugins start. */
  onBoot(index: number): void {
    const host = this.#machines[index]!.host!;
    const processes = new Map<PluginStyle, PluginProcess>();
    for (const placement of this.#placements) {
      const { style, nodes } = placement;
      const service = this.#services.get(placement);
      if (service !== undefined && placement.central === index) {
        serveCentrally(host.namespace, service);
      }
      if (!nodes.includes(index)) continue;
      const { port } = service ?? { port: 0 };
      const address = this.#addressOf(placement.central);
      const central = service === undefined ? undefined : { address, port };
      const peers = nodes.map((node) => this.#addressOf(node));
      const plugin = styleOf(style).create(host, { central, peers });
      processes.set(style, new PluginProcess(host.plugins, plugin));
    }
    this.#processes.set(index, processes);
    for (const { name, nodes, real } of this.#attached) {
      if (!nodes.includes(index)) continue;
      host.plugins.listen(PluginFolder.pathOf(name), new AttachedPlugin(host, real));
    }
    for (const process of processes.values()) process.start();
  }

  /** Kills the process of a plugin on a node; false when there is none. */
  kill(index: number, style: PluginStyle): boolean {
    const process = this.#processes.get(index)?.get(style);
    process?.kill();
    return process !== undefined;
  }

  /** Starts it again; false when there is none. */
  start(index: number, style: PluginStyle): boolean {
    const process = this.#processes.get(index)?.get(style);
    process?.start();
    return process !== undefined;
  }

  #addressOf(node: number): number {
    return this.#machines[node]!.addresses.dataPath;
  }
}
