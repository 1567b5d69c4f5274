/**
 * Who has places in the sweeps of tickers (tickers.ts): the running members whose interval is the
 * cluster's. Both kinds are dealt at once, because members come and go with both.
 */
import type { SwimConfig } from './constants.ts';
import type { State } from './state.ts';

/** Deals places anew to the tickers of both kinds. */
export function dealTickers(state: State): void {
  state.gossipTickers.deal(membersWithUsual(state, 'gossipIntervalNs'));
  state.probeTickers.deal(membersWithUsual(state, 'probeIntervalNs'));
}

function membersWithUsual(
  state: State,
  interval: 'gossipIntervalNs' | 'probeIntervalNs',
): number[] {
  const { members, config } = state;
  const isUsual = (own: SwimConfig): boolean => own[interval] === config[interval];
  const usual: number[] = [];
  for (let member = 0; member < members.count; member++) {
    if (members.isUp(member) && isUsual(state.configOf(member))) usual.push(member);
  }
  return usual;
}
