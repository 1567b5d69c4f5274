/** `--profile` and `--set`: what they make of words, and what they say of wrong ones. */
import { expect, test } from 'vitest';
import { LAN, WAN } from '../gossip/constants.ts';
import { configOf, configText } from './gossip-config.ts';

test('values have the units of a scenario, and the last of two counts', () => {
  const settings = ['probe-interval=2s', 'gossip-nodes=5', 'probe-interval=1500ms'];
  expect(configOf('wan', settings)).toEqual({ ...WAN, probeIntervalNs: 1.5e9, gossipNodes: 5 });
  expect(configOf('lan', ['disable-tcp-pings=true']).disableTcpPings).toBe(true);
  expect(configOf('lan', [])).toEqual(LAN);
  expect(configText('wan', settings.slice(0, 2))).toBe('wan, probe-interval 2s, gossip-nodes 5');
});

test.each([
  ['lann', [], "no profile 'lann'", "did you mean 'lan'?"],
  ['lan', ['probe-intervall=2s'], "not 'probe-intervall'", "did you mean 'probe-interval'?"],
  ['lan', ['probe-interval'], "not 'probe-interval'", 'such as --set probe-interval=2s'],
  ['lan', ['probe-interval=2'], "'2' is not a duration", 'did you mean 2s?'],
  ['lan', ['gossip-nodes=many'], '--set gossip-nodes=many', 'from 0 to 256'],
])('%s %s', (profile, settings, message, hint) => {
  expect(() => configOf(profile, settings)).toThrow(message);
  expect(() => configOf(profile, settings)).toThrow(hint);
});
