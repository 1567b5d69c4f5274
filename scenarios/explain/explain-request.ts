/**
 * Explains one request of a scenario's traffic: plays the run, finds the request, and plays it again
 * with a watch on that request. Equal seeds play equal runs, so the second tells of the first.
 */
import { Watch } from '../../net/watch.ts';
import { parseCallTarget } from '../../node/workload/program.ts';
import { SECOND_NS } from '../../sim/time.ts';
import type { LoadedScenario } from '../load.ts';
import { clientOf } from '../run/client.ts';
import { type RunOptions, runScenario } from '../run/run-scenario.ts';
import type { EndedRequest } from '../run/traffic/source.ts';
import { diagnose } from './diagnosis.ts';
import { EXPLANATION_SCHEMA_VERSION, type Explanation } from './explanation.ts';
import { hostOfNamespace, namespaceNamesOf } from './namespace-names.ts';
import { packetWalksOf } from './packet-walks.ts';
import { planesAtFailure } from './planes.ts';

/** Segments that close the connection are watched this long after the request has ended. */
const AFTERMATH_NS = SECOND_NS;

/** Which request: its number from 1 on, or the first or last that was not answered. */
export type RequestSelector = number | 'first-failed' | 'last-failed';

/** Explains a request; a text says why there is none. */
export function explainRequest(
  loaded: LoadedScenario,
  traffic: string,
  selector: RequestSelector,
  options: Pick<RunOptions, 'seed' | 'shortcuts' | 'onProgress'> = {},
): Explanation | string {
  let chosen: EndedRequest | undefined;
  let count = 0;
  const { result } = runScenario(loaded, {
    ...options,
    requests: {
      onEnd: (request) => {
        if (request.traffic !== traffic) return;
        count++;
        if (isMeant(selector, request, chosen)) chosen = request;
      },
    },
  });
  if (chosen === undefined) {
    if (selector === 'first-failed' || selector === 'last-failed') {
      return `none of the ${count} requests of ${traffic} failed`;
    }
    return `${traffic} has no request ${selector}: ${count} ended`;
  }
  const { number, sentAtNs, endedAtNs, outcome, server } = chosen;
  const watch = new Watch();
  const watched = runScenario(loaded, {
    seed: options.seed,
    shortcuts: options.shortcuts ?? true,
    untilNs: endedAtNs + Math.max(AFTERMATH_NS, timeoutOf(loaded, traffic)),
    requests: {
      watchOf: (name, n) => (name === traffic && n === number ? watch : undefined),
      onEnd: () => {},
    },
  });
  const namespaceNames = namespaceNamesOf(watched.cluster);
  const packets = packetWalksOf(watch.ways, namespaceNames);
  const evidence = { sentAtNs, endedAtNs, outcome, packets, namespaceNames };
  const diagnosis = diagnose({ ...evidence, timeline: result.timeline });
  const { from, to } = loaded.scenario.traffic.find(({ name }) => name === traffic)!;
  const client = clientOf(watched.cluster, from, number);
  return {
    schemaVersion: EXPLANATION_SCHEMA_VERSION,
    subject: `request ${number + 1} of ${traffic}`,
    scenario: result.scenario,
    seed: result.seed,
    ...evidence,
    server,
    diagnosis,
    planes: planesAtFailure(loaded, options, diagnosis, {
      packets,
      outcome,
      client: hostOfNamespace(client?.namespace.name ?? ''),
      target: parseCallTarget(to)!.host,
    }),
  };
}

function isMeant(
  selector: RequestSelector,
  request: EndedRequest,
  chosen: EndedRequest | undefined,
): boolean {
  if (typeof selector === 'number') return request.number === selector - 1;
  if (request.outcome === 'ok') return false;
  if (chosen === undefined) return true;
  const isEarlier = request.number < chosen.number;
  return selector === 'first-failed' ? isEarlier : !isEarlier;
}

/** A source stops sending its timeout before the end of the run, so the end is at least so far. */
function timeoutOf(loaded: LoadedScenario, name: string): number {
  return loaded.scenario.traffic.find((traffic) => traffic.name === name)?.timeout ?? 0;
}
