/**
 * The styles of plugins that there are samples of, by the names under which a scenario asks for them.
 */
import type { World } from '../../../sim/world.ts';
import type { Ipv4Address } from '../../../wire/addresses.ts';
import { Calico, calicoStore } from './calico.ts';
import type { CentralAddress, CentralFacts } from './central-service.ts';
import { Contiv, contivMaster } from './contiv.ts';
import { Infoblox, infobloxGrid } from './infoblox.ts';
import { Kuryr, neutron } from './kuryr.ts';
import type { PluginHost, SamplePlugin } from './sample-plugin.ts';
import { Weave } from './weave.ts';

/** What a plugin on one host is told of the others. */
export interface Surroundings {
  /** Where its central service is; only where the style has one. */
  readonly central: CentralAddress | undefined;
  /** The hosts that have the plugin. */
  readonly peers: readonly Ipv4Address[];
}

interface Style {
  /** Its central service, if it has one. */
  readonly central?: (world: World) => CentralFacts;
  readonly create: (host: PluginHost, surroundings: Surroundings) => SamplePlugin;
}

/** The styles. */
export const PLUGIN_STYLES = {
  calico: {
    central: calicoStore,
    create: (host, { central }) => new Calico(host, central!),
  },
  weave: {
    create: (host, { peers }) => new Weave(host, peers),
  },
  contiv: {
    central: contivMaster,
    create: (host, { central }) => new Contiv(host, central!),
  },
  kuryr: {
    central: neutron,
    create: (host, { central }) => new Kuryr(host, central!),
  },
  infoblox: {
    central: infobloxGrid,
    create: (host, { central }) => new Infoblox(host, central!),
  },
} as const satisfies Record<string, Style>;

/** The name of a style. */
export type PluginStyle = keyof typeof PLUGIN_STYLES;

/** The style of this name. */
export function styleOf(name: PluginStyle): Style {
  return PLUGIN_STYLES[name];
}
