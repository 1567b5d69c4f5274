/**
 * `--why-not` for every reason of a drop: a packet that goes out, comes to a host and ends there for
 * that reason, as `packet-walks` tells it, is named with its place, the reason and the remedy.
 * (That each reason is reached by a real packet is `test/drop-reasons.test.ts`.)
 */
import { expect, test } from 'vitest';
import { Way } from '../../net/way.ts';
import { formatWhyNot } from '../report/explanation.ts';
import { diagnose } from './diagnosis.ts';
import { EXPLANATION_SCHEMA_VERSION } from './explanation.ts';
import { packetWalksOf } from './packet-walks.ts';
import { REMEDIES } from './remedies.ts';

const NAMES = { 'host/5d81ad6d812f': 'host/web' };

/** The lines of `--why-not` for a SYN that ends in the container `web`. */
function whyNot(reason: string, place = 'eth0', chain = ''): string[] {
  const ways: Way[] = [];
  const way = new Way(ways);
  way.title = 'SYN';
  way.add(0, 'outside', 'send', '', '', 'TCP 198.51.100.7:1024 > 10.0.0.3:80');
  way.add(0, 'outside', 'transmit', 'eth0', '', '');
  way.add(5, 'host/5d81ad6d812f', 'receive', 'eth0', '', '');
  way.add(5, 'host/5d81ad6d812f', 'drop', place, chain, reason);
  const packets = packetWalksOf(ways, NAMES);
  const evidence = {
    sentAtNs: 0,
    endedAtNs: 9e8,
    outcome: 'timeout',
    packets,
    namespaceNames: NAMES,
  };
  const text = formatWhyNot(
    {
      schemaVersion: EXPLANATION_SCHEMA_VERSION,
      subject: 'probe',
      scenario: 'walks',
      seed: '1',
      server: '',
      ...evidence,
      diagnosis: diagnose({ ...evidence, timeline: [] }),
      planes: undefined,
    },
    false,
  );
  return text.split('\n').slice(2, -1);
}

/** Drops that are no fault: nothing is wrong with a packet that a kernel rightly ignores. */
const HARMLESS = ['nat: redirect of a rewritten flow'];
/** Drops that the sender hears of. */
const ANSWERED = ['TCP port is closed', 'no connection for the segment'];

test.each([...REMEDIES].filter(([reason]) => !HARMLESS.includes(reason)))(
  '%s',
  (reason, remedy) => {
    const what = ANSWERED.includes(reason)
      ? `web on host answered with a RST: ${reason}`
      : `SYN was dropped at web on host, eth0: ${reason}`;
    expect(whyNot(reason)).toEqual([
      '  where    web on host, eth0',
      `  what     ${what}`,
      `  to mend  ${remedy}`,
    ]);
  },
);

test.each([
  ['DOCKER-USER', 'filter/DOCKER-USER', 'a rule of yours drops it: change DOCKER-USER'],
  ['DOCKER', 'filter/DOCKER', 'publish the port (-p), so that a rule accepts it'],
  ['FORWARD', 'filter/FORWARD', 'containers of this network may not talk (enable_icc=false)'],
  ['DOCKER-INTERNAL', 'filter/DOCKER-INTERNAL', 'the network is internal'],
  ['DOCKER-ISOLATION-STAGE-1', 'filter/DOCKER-ISOLATION-STAGE-1', 'the network is internal'],
  ['DOCKER-ISOLATION-STAGE-2', 'filter/DOCKER-ISOLATION-STAGE-2', 'attach both containers to one'],
  ['PREROUTING', 'raw/PREROUTING', 'ask the published port of the host'],
  ['INPUT', 'filter/INPUT', 'a rule of this namespace drops it'],
  ['MINE', 'mangle/MINE', 'a rule of mangle MINE drops it: change it'],
  ['nft', 'docker-bridges/raw-PREROUTING', 'ask the published port of the host'],
  ['nft', 'docker-bridges/filter-forward-in__br0', 'publish the port (-p), or allow'],
  ['nft', 'docker-bridges/filter-forward-out__br0', 'the network is internal'],
])('a rule of %s (%s)', (_, chain, remedy) => {
  const rule = `-A ${chain.split('/')[1]} -p tcp -j DROP`;
  const [where, what, mend] = whyNot(rule, 'FORWARD', chain);
  expect(where).toBe(`  where    web on host, FORWARD ${chain}`);
  expect(what).toContain(rule);
  expect(mend).toContain(`  to mend  ${remedy}`);
});

test.each([
  ['policy DROP', 'filter/FORWARD', 'publish the port (-p), or accept the packet in DOCKER-USER'],
  ['policy DROP', 'filter/INPUT', 'accept the packet in filter INPUT'],
  ['underlay: no host has this MAC address', '', 'whoever had this MAC address is gone'],
  ['underlay: longer than the path takes', '', 'lower the MTU of the hosts and of the overlay'],
  ['underlay: uplink queue full', '', 'the host sends more than its bandwidth carries'],
  ['underlay: partition', '', 'the network between the hosts is cut: heal it'],
  ['underlay: loss', '', 'the network between the hosts lost it: heal it'],
])('%s %s', (reason, chain, remedy) => {
  expect(whyNot(reason, 'eth0', chain).at(-1)).toContain(`  to mend  ${remedy}`);
});
