/**
 * Networks of a whole swarm that somebody asks one host's dockerd for: only managers make them, and
 * what they say is the same for overlays, for `--scope swarm` and for plugins of scope `global`
 * (`libnetwork/controller.go`, `NewNetwork`; `daemon/network.go`, `createNetwork`).
 */
import { failure, forbidden, type Refusal } from '../daemon/refusal.ts';
import type { NetworkRequest } from '../daemon/requests.ts';

/** Why this host does not make a network of the swarm; `undefined` for one that is its own. */
export function swarmScopeRefusal(
  { driver, isOfSwarm = false, isConfigOnly = false }: NetworkRequest,
  role: 'manager' | 'worker' | undefined,
): Refusal | undefined {
  if (isConfigOnly || (driver !== 'overlay' && !isOfSwarm)) return undefined;
  if (role === 'worker') return fromWorker();
  if (role === 'manager') {
    return failure('networks of the swarm are made by stacks only, in this simulation');
  }
  return isOfSwarm
    ? forbidden('cannot create a swarm scoped network when swarm is not active')
    : noSwarm();
}

/** To whom asks a worker. */
export function fromWorker(): Refusal {
  const advice = 'Please create the network from a manager node.';
  return forbidden(`Cannot create a multi-host network from a worker node. ${advice}`);
}

/** To whom asks a host outside of any swarm. */
export function noSwarm(): Refusal {
  const advice = 'Use "docker swarm init" or "docker swarm join" to connect this node to swarm';
  return failure(`This node is not a swarm manager. ${advice} and try again.`);
}
