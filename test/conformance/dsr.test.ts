/**
 * A network with `--opt dsr`: tasks see who asks, and answer without the balancer.
 */
import { expect, test } from 'vitest';
import { formatConnections, formatServices } from '../../ipvs/show.ts';
import { formatIpv4Address } from '../../wire/addresses.ts';
import { SwarmLab } from './swarm-lab.ts';

test('direct server return: the balancer routes requests on and sees no answer', () => {
  const lab = new SwarmLab();
  lab.createNetwork('direct', { dsr: '' });
  lab.createService({ name: 'web', network: 'direct', node: 'node2' });
  lab.runContainer('probe', 'direct', 'node1');
  const vip = lab.vipOf('web', 'direct');
  const [probe, web] = [lab.addressOf(1, 'probe'), lab.addressOf(2, 'web.1')];
  const text = {
    probe: formatIpv4Address(probe),
    web: formatIpv4Address(web),
    vip: formatIpv4Address(vip),
  };
  const seen = lab.capture(2, 'web.1', 'eth0');
  const balanced = lab.capture(1, 'lb_ direct', 'eth0');
  /** Lengths are those of the options, which do not matter here. */
  const ends = () => seen.map((kind) => kind.replace(/^\d+ /, ''));
  expect(lab.connect(1, 'probe', vip, 80)).toBe('connected');
  expect(ends()).toContain(`TCP SYN ${text.probe} > ${text.vip}`);
  expect(ends()).toContain(`TCP SYN, ACK ${text.vip} > ${text.probe}`);
  expect(balanced.filter((kind) => kind.includes('TCP') && kind.includes(`${text.vip} >`))).toEqual(
    [],
  );
  expect(formatServices(lab.ipvs(1, 'direct'))).toContain(
    `  -> ${text.web}:0 `.padEnd(34).concat('Route   1 '),
  );
  expect(formatConnections(lab.ipvs(1, 'direct'))).toMatch(/TCP .* (FIN_WAIT|TIME_WAIT) /);
  expect(lab.show(1, 'lb_ direct', 'iptables')).not.toContain('--ipvs -j SNAT');
  const { sysctls } = lab.namespace(2, 'web.1');
  const settings = ['arp_ignore', 'arp_announce'].map((name) =>
    sysctls.number(`net.ipv4.conf.eth0.${name}`),
  );
  expect(settings).toEqual([1, 2]);
  // the task owns the address without saying so: its own balancer answers for it on its host
  expect(lab.show(2, 'web.1', 'ip-addr')).toContain(`inet ${text.vip}/32 scope global lo`);
});
