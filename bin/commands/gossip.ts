/**
 * `swarmlab gossip …`: membership alone, without a cluster around it. `simulate` measures a kill, a
 * partition or quiet among any number of members, `suffer` what Lifeguard does for members on bad
 * hosts, `tune` finds settings, `serve` lets real programs join simulated ones.
 */
import type { Command } from 'commander';
import { addGossipControl } from './gossip-control.ts';
import { addGossipServe } from './gossip-serve.ts';
import { addGossipSimulate } from './gossip-simulate.ts';
import { addGossipSuffer } from './gossip-suffer.ts';
import { addGossipTune } from './gossip-tune.ts';

/** Adds the command and its subcommands. */
export function addGossip(program: Command): void {
  const gossip = program
    .command('gossip')
    .description('membership alone: measure it, tune it, or let real programs join it');
  addGossipSimulate(gossip);
  addGossipSuffer(gossip);
  addGossipTune(gossip);
  addGossipServe(gossip);
  addGossipControl(gossip);
  for (const command of gossip.commands) command.exitOverride();
}
