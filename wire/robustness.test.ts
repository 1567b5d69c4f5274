/** Random bytes never throw, and no parser reads past its end. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseArp } from './arp.ts';
import { parseDns } from './dns.ts';
import { parseEthernet } from './ethernet.ts';
import { parseIcmp } from './icmp.ts';
import { isValidIpv4Header, parseIpv4 } from './ipv4.ts';
import { isWholeSctp } from './sctp.ts';
import { parseTcp } from './tcp.ts';
import { allFrames } from './testing/frames.ts';
import { parseUdp } from './udp.ts';
import { parseVxlan } from './vxlan.ts';

const parsers = {
  parseArp,
  parseDns,
  parseEthernet,
  parseIcmp,
  parseIpv4,
  parseTcp,
  parseUdp,
  parseVxlan,
  isValidIpv4Header,
  isWholeSctp,
};

test.each(Object.entries(parsers))('%s: what lies outside does not matter', (_, parse) => {
  const frames = allFrames().map(([, frame]) => frame);
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 120 }), fc.constantFrom(...frames)),
      fc.nat(),
      fc.nat(),
      (bytes, a, b) => {
        const start = a % (bytes.length + 1);
        const end = start + (b % (bytes.length - start + 1));
        const inside = bytes.slice(start, end);
        const seen = parse(bytes, start, end);
        expect(seen).toEqual(parse(inside, 0, inside.length));
      },
    ),
    { numRuns: 400 },
  );
});
