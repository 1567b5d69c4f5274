/**
 * The settings of an experiment as its JSON document holds them.
 */
import type { ClusterInit } from '../established-cluster.ts';
import { secondsOf } from './sections.ts';

/** The version of the documents; it rises when a field changes its meaning or goes. */
export const EXPERIMENT_SCHEMA_VERSION = 2;

/** What all experiments are told, by the names of the flags. */
export function settingsOf(init: ClusterInit, profile: string): Readonly<Record<string, unknown>> {
  return {
    members: init.memberCount,
    seed: init.seed,
    profile,
    lossRatio: init.lossRatio,
    ipv6: init.isIpv6 === true,
    latencySeconds: [secondsOf(init.latencyNsMin), secondsOf(init.latencyNsMax)],
  };
}
