/**
 * Explains one request of a scenario's traffic, or a whole connection with all the requests that it
 * carried: plays the run, finds it, and plays the run again with a watch on it. Equal seeds play equal
 * runs, so the second tells of the first.
 */
import { Watch } from '../../net/watch.ts';
import { parseCallTarget } from '../../node/workload/program.ts';
import { SECOND_NS } from '../../sim/time.ts';
import type { LoadedScenario } from '../load.ts';
import type { RunResult } from '../result.ts';
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

/** Which one: its number from 1 on, or the first or last request that was not answered. */
export type RequestSelector = number | 'first-failed' | 'last-failed';

type ExplainOptions = Pick<RunOptions, 'seed' | 'shortcuts' | 'onProgress'>;

/** What is watched: the requests that belong to it, the first one first. */
interface Subject {
  readonly text: string;
  readonly requests: readonly EndedRequest[];
  /** The request that is diagnosed: the one that failed, or the last. */
  readonly telling: EndedRequest;
}

/** Explains a request; a text says why there is none. */
export function explainRequest(
  loaded: LoadedScenario,
  traffic: string,
  selector: RequestSelector,
  options: ExplainOptions = {},
): Explanation | string {
  const { requests, result } = playedRequests(loaded, traffic, options);
  const telling =
    typeof selector === 'number'
      ? requests.find(({ number }) => number === selector - 1)
      : failedAmong(requests, selector);
  if (telling === undefined) return absence(requests, traffic, 'request', selector);
  const text = `request ${telling.number + 1} of ${traffic}`;
  return explain(loaded, traffic, { text, requests: [telling], telling }, result, options);
}

/** Explains a connection, or the one of the first or last failed request, from its first packet on. */
export function explainConnection(
  loaded: LoadedScenario,
  traffic: string,
  selector: RequestSelector,
  options: ExplainOptions = {},
): Explanation | string {
  const { requests, result } = playedRequests(loaded, traffic, options);
  const isNumber = typeof selector === 'number';
  const chosen = isNumber ? selector - 1 : (failedAmong(requests, selector)?.connection ?? -1);
  const carried = requests.filter(({ connection }) => connection === chosen && chosen >= 0);
  if (carried.length === 0) return absence(requests, traffic, 'connection', selector);
  const telling = failedAmong(carried, 'first-failed') ?? carried.at(-1)!;
  const [first, last] = [carried[0]!.number + 1, carried.at(-1)!.number + 1];
  const what =
    first === last ? `request ${first}` : `${carried.length} requests, ${first} to ${last}`;
  const text = `connection ${chosen + 1} of ${traffic}, with ${what}`;
  return explain(loaded, traffic, { text, requests: carried, telling }, result, options);
}

/** All requests of a traffic, in the order of sending. */
function playedRequests(loaded: LoadedScenario, traffic: string, options: ExplainOptions) {
  const requests: EndedRequest[] = [];
  const onEnd = (request: EndedRequest) => {
    if (request.traffic === traffic) requests.push(request);
  };
  const { result } = runScenario(loaded, { ...options, requests: { onEnd } });
  return { requests: requests.sort((a, b) => a.number - b.number), result };
}

function failedAmong(
  requests: readonly EndedRequest[],
  selector: 'first-failed' | 'last-failed',
): EndedRequest | undefined {
  const failed = requests.filter(({ outcome }) => outcome !== 'ok');
  return selector === 'first-failed' ? failed[0] : failed.at(-1);
}

function absence(
  requests: readonly EndedRequest[],
  traffic: string,
  what: 'request' | 'connection',
  selector: RequestSelector,
): string {
  if (typeof selector !== 'number')
    return `none of the ${requests.length} requests of ${traffic} failed`;
  const count =
    what === 'request'
      ? requests.length
      : new Set(requests.map(({ connection }) => connection).filter((one) => one >= 0)).size;
  return `${traffic} has no ${what} ${selector}: ${count} ended`;
}

function explain(
  loaded: LoadedScenario,
  traffic: string,
  { text, requests, telling }: Subject,
  result: RunResult,
  options: ExplainOptions,
): Explanation {
  const { connection: watched } = telling;
  const isWhole = requests.length > 1;
  const numbers = new Set(requests.map(({ number }) => number));
  const watch = new Watch();
  const lastNs = Math.max(...requests.map(({ endedAtNs }) => endedAtNs));
  const { cluster } = runScenario(loaded, {
    seed: options.seed,
    shortcuts: options.shortcuts ?? true,
    untilNs: lastNs + Math.max(AFTERMATH_NS, timeoutOf(loaded, traffic)),
    requests: {
      watchOf: (name, number, connection) => {
        const isMeant = isWhole ? connection === watched : numbers.has(number);
        return name === traffic && isMeant ? watch : undefined;
      },
      onEnd: () => {},
    },
  });
  const namespaceNames = namespaceNamesOf(cluster);
  const packets = packetWalksOf(watch.ways, namespaceNames);
  const { sentAtNs, endedAtNs, outcome } = telling;
  const evidence = { sentAtNs, endedAtNs, outcome, packets, namespaceNames };
  const diagnosis = diagnose({ ...evidence, timeline: result.timeline });
  const { from, to } = loaded.scenario.traffic.find(({ name }) => name === traffic)!;
  const client = clientOf(cluster, from, telling.number);
  return {
    schemaVersion: EXPLANATION_SCHEMA_VERSION,
    subject: text,
    scenario: result.scenario,
    seed: result.seed,
    ...evidence,
    sentAtNs: requests[0]!.sentAtNs,
    server: telling.server,
    diagnosis,
    planes: planesAtFailure(loaded, options, diagnosis, {
      packets,
      outcome,
      client: hostOfNamespace(client?.namespace.name ?? ''),
      target: parseCallTarget(to)!.host,
    }),
  };
}

/** A source stops sending its timeout before the end of the run, so the end is at least so far. */
function timeoutOf(loaded: LoadedScenario, name: string): number {
  return loaded.scenario.traffic.find((traffic) => traffic.name === name)?.timeout ?? 0;
}
