/**
 * The matches, by name.
 *
 * A new match is a file in this folder and a line in this table. A name that is not here gets
 * iptables' own error, as if the extension were not installed.
 */
import { kindsOf, type MatchKind } from '../extension.ts';
import { addrtypeMatch } from './addrtype.ts';
import { bpfMatch } from './bpf.ts';
import { commentMatch } from './comment.ts';
import { conntrackMatch } from './conntrack.ts';
import { helperMatch } from './conntrack-helper.ts';
import { ecnMatch } from './field/ecn.ts';
import { iprangeMatch } from './field/iprange.ts';
import { lengthMatch } from './field/length.ts';
import { macMatch, pkttypeMatch } from './field/link.ts';
import { ah6Match, ahMatch, espMatch } from './field/spi.ts';
import { stringMatch } from './field/string.ts';
import { tcpmssMatch } from './field/tcpmss.ts';
import { dscpMatch, tosMatch } from './field/tos.ts';
import { hlMatch, ttlMatch } from './field/ttl.ts';
import { icmpMatch } from './icmp.ts';
import { icmp6Match } from './icmp6.ts';
import { eui64Match } from './ipv6/eui64.ts';
import { fragMatch } from './ipv6/frag.ts';
import { ipv6headerMatch } from './ipv6/ipv6header.ts';
import { dstMatch, hbhMatch } from './ipv6/options-header.ts';
import { rtMatch } from './ipv6/rt.ts';
import { ipvsMatch } from './ipvs.ts';
import { cgroupMatch } from './local/cgroup.ts';
import { cpuMatch, devgroupMatch } from './local/cpu.ts';
import { ownerMatch } from './local/owner.ts';
import { socketMatch } from './local/socket.ts';
import { connmarkMatch, markMatch } from './mark.ts';
import { multiportMatch } from './multiport.ts';
import { physdevMatch } from './physdev.ts';
import { policyMatch } from './policy.ts';
import { connbytesMatch } from './rate/connbytes.ts';
import { connlimitMatch } from './rate/connlimit.ts';
import { hashlimitMatch } from './rate/hashlimit.ts';
import { limitMatch } from './rate/limit.ts';
import { quotaMatch } from './rate/quota.ts';
import { recentMatch } from './rate/recent.ts';
import { statisticMatch } from './rate/statistic.ts';
import { timeMatch } from './rate/time.ts';
import { rpfilterMatch } from './rpfilter.ts';
import { sctpMatch } from './sctp.ts';
import { setMatch } from './set.ts';
import { stateMatch } from './state.ts';
import { tcpMatch, udpMatch } from './transport-ports.ts';
import { u32Match } from './u32.ts';

const KINDS: readonly MatchKind[] = [
  addrtypeMatch,
  ah6Match,
  ahMatch,
  bpfMatch,
  cgroupMatch,
  commentMatch,
  connbytesMatch,
  connlimitMatch,
  connmarkMatch,
  conntrackMatch,
  cpuMatch,
  devgroupMatch,
  dscpMatch,
  dstMatch,
  ecnMatch,
  espMatch,
  eui64Match,
  fragMatch,
  hashlimitMatch,
  hbhMatch,
  helperMatch,
  hlMatch,
  icmpMatch,
  icmp6Match,
  iprangeMatch,
  ipv6headerMatch,
  ipvsMatch,
  lengthMatch,
  limitMatch,
  macMatch,
  markMatch,
  multiportMatch,
  ownerMatch,
  physdevMatch,
  pkttypeMatch,
  policyMatch,
  quotaMatch,
  recentMatch,
  rpfilterMatch,
  rtMatch,
  sctpMatch,
  setMatch,
  socketMatch,
  stateMatch,
  statisticMatch,
  stringMatch,
  tcpMatch,
  tcpmssMatch,
  timeMatch,
  tosMatch,
  ttlMatch,
  u32Match,
  udpMatch,
];

/** Every kind of match by its name, by family. */
export const MATCH_KINDS = { ipv4: kindsOf(KINDS, 'ipv4'), ipv6: kindsOf(KINDS, 'ipv6') } as const;
