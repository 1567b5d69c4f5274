/**
 * When requests begin. Open loop: at a rate, whether or not answers come (one by one at random, evenly,
 * or in bursts). Closed loop: so many users, each of whom thinks after an answer and then asks again.
 */
import { type DrawKey, drawUnit } from '../../../sim/chance.ts';
import type { EventQueue } from '../../../sim/event-queue.ts';
import { drawSpanNs } from '../../../sim/span-distribution.ts';
import { SECOND_NS } from '../../../sim/time.ts';
import type { Traffic } from '../../language/traffic.ts';

/** Begins request `number`; `onEnd` is called once it is over. */
export type Begin = (number: number, onEnd: () => void) => void;

/** Purposes of draws, beside a request's number. */
const Purpose = { gap: 1, think: 3 } as const;

/**
 * Begins requests from now on until `lastNs`, at which the last ones still have time to end before the
 * run does.
 */
export function startArrivals(
  queue: EventQueue,
  traffic: Traffic,
  key: DrawKey,
  lastNs: number,
  begin: Begin,
): void {
  if (traffic.users === undefined) arriveAtRate(queue, traffic, key, lastNs, begin);
  else askInTurn(queue, traffic, key, lastNs, begin);
}

function arriveAtRate(
  queue: EventQueue,
  { rate = 0, arrivals }: Traffic,
  key: DrawKey,
  lastNs: number,
  begin: Begin,
): void {
  const { kind } = arrivals;
  const burst = kind === 'bursts' ? arrivals.size : 1;
  const meanNs = (burst * SECOND_NS) / rate;
  let count = 0;
  const schedule = () => {
    const factor = kind === 'constant' ? 1 : -Math.log(1 - drawUnit(key, count, Purpose.gap));
    const atNs = queue.nowNs + Math.max(1, Math.round(meanNs * factor));
    if (atNs > lastNs) return;
    queue.scheduleCallback(atNs, () => {
      for (let i = 0; i < burst; i++) begin(count++, () => {});
      schedule();
    });
  };
  schedule();
}

/** Users begin somewhere in their first pause, so that they do not all ask at once. */
function askInTurn(
  queue: EventQueue,
  { users = 0, think }: Traffic,
  key: DrawKey,
  lastNs: number,
  begin: Begin,
): void {
  let count = 0;
  const thinkFor = (share: number) => {
    const number = count++;
    const spanNs = Math.round(drawSpanNs(think, key, number, Purpose.think) * share);
    const atNs = queue.nowNs + Math.max(1, spanNs);
    if (atNs > lastNs) return;
    queue.scheduleCallback(atNs, () => begin(number, () => thinkFor(1)));
  };
  for (let user = 0; user < users; user++) thinkFor(drawUnit(key, user, Purpose.gap));
}
