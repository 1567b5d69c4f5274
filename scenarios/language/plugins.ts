/**
 * Plugins of Docker's as scenarios give them to nodes: `plugins: { calico: { nodes: workers } }`, and
 * what may become of their processes.
 */
import { z } from 'zod';
import type { PluginPlacement } from '../../cluster/plugins.ts';
import { PLUGIN_STYLES, type PluginStyle } from '../../node/plugins/samples/styles.ts';
import { type NodeNames, selectNodes, nodes as selector } from './node-names.ts';
import type { Scenario } from './scenario.ts';

/** The styles that there are. */
const PLUGIN_STYLE_NAMES = Object.keys(PLUGIN_STYLES) as [PluginStyle, ...PluginStyle[]];

const placement = z
  .strictObject({
    nodes: selector.default('all').meta({ description: 'where it runs, such as workers' }),
    central: z.string().optional().meta({
      description: 'the node that its store or controller runs on; default the first manager',
    }),
  })
  .optional();

/** `plugins` of the cluster. */
export const plugins = z
  .strictObject({
    calico: placement,
    weave: placement,
    contiv: placement,
    kuryr: placement,
    infoblox: placement,
  } satisfies Record<PluginStyle, typeof placement>)
  .meta({ description: `network plugins of a style: ${PLUGIN_STYLE_NAMES.join(', ')}` });

/** `plugin` of the timeline. */
export const pluginFault = z
  .strictObject({
    nodes: selector,
    kill: z.enum(PLUGIN_STYLE_NAMES).optional().meta({ description: 'its process is gone' }),
    start: z.enum(PLUGIN_STYLE_NAMES).optional().meta({ description: 'its process is back' }),
  })
  .refine(({ kill, start }) => (kill === undefined) !== (start === undefined), 'kill or start')
  .meta({ description: "a plugin's process dies, or comes back" });

/** Where a cluster's plugins run, as a scenario that was checked says. */
export function pluginPlacementsOf(
  { plugins: wanted }: Scenario['cluster'],
  nodes: NodeNames,
): PluginPlacement[] {
  const styles = PLUGIN_STYLE_NAMES.filter((style) => wanted[style] !== undefined);
  return styles.map((style) => {
    const { nodes: where, central } = wanted[style]!;
    const chosen = [where].flat().flatMap((part) => selectNodes(nodes, part) ?? []);
    const place = central === undefined ? 0 : nodes.names.indexOf(central);
    return { style, nodes: [...new Set(chosen)].sort((a, b) => a - b), central: place };
  });
}
