/** What `ipvsadm` prints, in the columns of ipvsadm 1.31 (a real balancer's output, and its kin). */
import { expect, test } from 'vitest';
import { ip, Lab } from '../net/testing/lab.ts';
import { Ipvs } from './ipvs.ts';
import type { Service } from './service.ts';
import {
  formatPersistence,
  formatRules,
  formatServices,
  formatStatistics,
  formatThresholds,
  formatTimeouts,
} from './show.ts';

function balancer(): { ipvs: Ipvs; web: Service } {
  const ipvs = new Ipvs(new Lab().namespace('lb'));
  const web = ipvs.addService({ fwmark: 256 }, 'rr') as Service;
  for (const address of ['10.0.0.9', '10.0.0.6', '10.0.0.10']) {
    web.add(ip(address), 0, 1, 'masq');
  }
  const dns = ipvs.addService(
    { protocol: 17, address: ip('10.0.1.2'), port: 53 },
    'wlc',
  ) as Service;
  dns.add(ip('10.0.1.3'), 5353, 100, 'route');
  return { ipvs, web };
}

test('services and destinations', () => {
  expect(formatServices(balancer().ipvs)).toBe(
    `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
UDP  10.0.1.2:53 wlc
  -> 10.0.1.3:5353                Route   100    0          0         
FWM  256 rr
  -> 10.0.0.6:0                   Masq    1      0          0         
  -> 10.0.0.9:0                   Masq    1      0          0         
  -> 10.0.0.10:0                  Masq    1      0          0         
`,
  );
});

test('statistics, and the commands that make the services', () => {
  const { ipvs, web } = balancer();
  Object.assign(web, { connectionCount: 12, inPackets: 54, outPackets: 36 });
  Object.assign(web, { inBytes: 3799, outBytes: 123_456_789 });
  expect(formatStatistics(ipvs)).toContain(
    `Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
  -> RemoteAddress:Port
UDP  10.0.1.2:53                         0        0        0        0        0
  -> 10.0.1.3:5353                       0        0        0        0        0
FWM  256                                12       54       36     3799  123456K
`,
  );
  expect(formatRules(ipvs)).toBe(
    `-A -u 10.0.1.2:53 -s wlc
-a -u 10.0.1.2:53 -r 10.0.1.3:5353 -g -w 100
-A -f 256 -s rr
-a -f 256 -r 10.0.0.6:0 -m -w 1
-a -f 256 -r 10.0.0.9:0 -m -w 1
-a -f 256 -r 10.0.0.10:0 -m -w 1
`,
  );
  expect(formatTimeouts()).toBe('Timeout (tcp tcpfin udp): 900 120 300\n');
  ipvs.timeouts.set(7200, 0, 10);
  expect(formatTimeouts(ipvs.timeouts)).toBe('Timeout (tcp tcpfin udp): 7200 120 10\n');
});

test('thresholds and persistence', () => {
  const { ipvs, web } = balancer();
  web.setThresholds(ip('10.0.0.9'), 0, 100, 80);
  expect(formatThresholds(ipvs)).toContain(
    `Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n` +
      '  -> RemoteAddress:Port\n',
  );
  expect(formatThresholds(ipvs)).toContain(
    '  -> 10.0.0.9:0                   100        80         0          0         \n',
  );
  expect(formatPersistence(ipvs)).toContain(
    '  -> 10.0.0.9:0                   1         0           0          0         \n',
  );
});

test('services that cannot be had', () => {
  const { ipvs } = balancer();
  expect(ipvs.addService({ fwmark: 256 }, 'rr')).toBe('Service already exists');
  expect(ipvs.addService({ fwmark: 300 }, 'best')).toBe(
    'Scheduler or persistence engine not found',
  );
  expect(ipvs.removeService({ fwmark: 300 })).toBe(false);
  ipvs.stop();
  expect(ipvs.services).toEqual([]);
});
