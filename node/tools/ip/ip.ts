/**
 * `ip` of iproute2 6.1: options, and the object that the rest of the command line is about.
 * Mirrors iproute2 ip/ip.c.
 */
import type { Namespace } from '../../../net/namespace.ts';
import type { Process } from '../process.ts';
import { ipAddress } from './address.ts';
import type { IpFormat } from './format.ts';
import {
  briefJson,
  linksJson,
  namespacesJson,
  neighboursJson,
  routesJson,
  rulesJson,
} from './json.ts';
import { type Json, jsonDocument } from './json-writer.ts';
import { ipLink } from './link.ts';
import { ipNeighbour } from './neighbour.ts';
import { ipNetns, namespaceOf } from './netns.ts';
import { ipRoute } from './route.ts';
import { ipRule } from './rule.ts';
import { commandOf, IpFailure, Words, wrong } from './words.ts';
import { ipXfrm } from './xfrm.ts';

/** The objects in the order in which a shortened word finds them. */
const OBJECTS = [
  'address',
  'route',
  'rule',
  'neighbor',
  'neighbour',
  'link',
  'netns',
  'xfrm',
] as const;

const USAGE = `Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }
       ip [ -force ] -batch filename
where  OBJECT := { address | addrlabel | amt | fou | help | ila | ioam | l2tp |
                   link | macsec | maddress | monitor | mptcp | mroute | mrule |
                   neighbor | neighbour | netconf | netns | nexthop | ntable |
                   ntbl | route | rule | sr | tap | tcpmetrics |
                   token | tunnel | tuntap | vrf | xfrm }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] | -r[esolve] |
                    -h[uman-readable] | -iec | -j[son] | -p[retty] |
                    -f[amily] { inet | inet6 | mpls | bridge | link } |
                    -4 | -6 | -M | -B | -0 |
                    -l[oops] { maximum-addr-flush-attempts } | -br[ief] |
                    -o[neline] | -t[imestamp] | -ts[hort] | -b[atch] [filename] |
                    -rc[vbuf] [size] | -n[etns] name | -N[umeric] | -a[ll] |
                    -c[olor]}
`;

/** `ip [options] object [command]`. */
export function ip(process: Process, argv: readonly string[]): void {
  try {
    const text = run(process, new Words(argv));
    if (text === undefined) return;
    process.print(text);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof IpFailure)) throw error;
    process.fail(error.status, `${error.message}\n`);
  }
}

/** What a command prints; `undefined` when another program has taken over (`ip netns exec`). */
function run(process: Process, words: Words): string | undefined {
  let { namespace } = process.place;
  let family: IpFormat['family'] = 0;
  let hasDetails = false;
  let hasStatistics = false;
  let isOneLine = false;
  let isBrief = false;
  let isJson = false;
  let isPretty = false;
  while (words.first?.startsWith('-') === true) {
    const word = words.next()!;
    const name = word.replace(/^--?/, '');
    if (name === '4') family = 4;
    else if (name === '6') family = 6;
    else if (name === 'br' || isShort(name, 'brief', 2)) isBrief = true;
    else if (isShort(name, 'statistics') || name === 'stats') hasStatistics = true;
    else if (isShort(name, 'details')) hasDetails = true;
    else if (isShort(name, 'oneline')) isOneLine = true;
    else if (isShort(name, 'json')) isJson = true;
    else if (isShort(name, 'pretty')) isPretty = true;
    else if (isShort(name, 'netns')) namespace = namespaceOf(process, words.value());
    else if (isShort(name, 'color') || isShort(name, 'resolve')) continue;
    else if (name === 'V' || name === 'Version')
      return 'ip utility, iproute2-6.1.0, libbpf 1.1.2\n';
    else throw wrong(`Option "${word}" is unknown, try "ip -help".`);
  }
  const word = words.next();
  if (word === undefined) throw wrong(USAGE.trimEnd());
  const format: IpFormat = {
    family,
    hasDetails,
    hasStatistics,
    isOneLine,
    isBrief,
    isJson,
    isPretty,
  };
  const object = commandOf(word, OBJECTS);
  const text = runObject(process, namespace, words, format, object, word);
  const read = JSON_OF[object ?? ''];
  const isAsked = isJson && text !== undefined && read !== undefined && !isChange(text, object);
  return isAsked ? jsonDocument(read(text, isBrief), isPretty) : text;
}

/** Changes print nothing, in either form. */
function isChange(text: string, object: string | undefined): boolean {
  return text === '' && object !== 'route' && object !== 'neighbour' && object !== 'neighbor';
}

/** How the text of an object becomes JSON. */
const JSON_OF: Readonly<Record<string, (text: string, isBrief: boolean) => Json>> = {
  address: (text, isBrief) => (isBrief ? briefJson(text, true) : linksJson(text, true)),
  link: (text, isBrief) => (isBrief ? briefJson(text, false) : linksJson(text, false)),
  route: routesJson,
  rule: rulesJson,
  neighbor: neighboursJson,
  neighbour: neighboursJson,
  netns: namespacesJson,
};

function runObject(
  process: Process,
  namespace: Namespace,
  words: Words,
  format: IpFormat,
  object: (typeof OBJECTS)[number] | undefined,
  word: string,
): string | undefined {
  switch (object) {
    case 'address':
      return ipAddress(namespace, words, format);
    case 'link':
      return ipLink(process, namespace, words, format);
    case 'route':
      return ipRoute(namespace, words, format);
    case 'rule':
      return ipRule(namespace, words, format);
    case 'neighbor':
    case 'neighbour':
      return ipNeighbour(namespace, words, format);
    case 'netns':
      return ipNetns(process, words);
    case 'xfrm':
      return ipXfrm(namespace, words, format);
    default:
      if (word === 'help') throw wrong(USAGE.trimEnd());
      throw new IpFailure(1, `Object "${word}" is unknown, try "ip help".`);
  }
}

/** True when a word is an option's name, or the beginning of it. */
function isShort(word: string, name: string, least = 1): boolean {
  return word.length >= least && name.startsWith(word);
}
