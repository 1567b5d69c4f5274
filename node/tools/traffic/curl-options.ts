/**
 * What curl 7.88 is asked for: its options, with its own words for what is wrong, and the URL.
 */
import { SECOND_NS } from '../../../sim/time.ts';
import { type Ipv4Address, parseIpv4Address } from '../../../wire/addresses.ts';
import { parseDecimal } from '../options.ts';

/** A URL in its parts. */
export interface CurlUrl {
  readonly text: string;
  readonly host: string;
  readonly port: number;
  /** `vote:5000`, without the port when it is 80. */
  readonly authority: string;
  readonly path: string;
}

/** A command line of curl. */
export interface CurlRequest {
  readonly url: CurlUrl;
  readonly method: string;
  readonly headers: readonly string[];
  readonly body: string;
  readonly isVerbose: boolean;
  readonly isSilent: boolean;
  readonly showsErrors: boolean;
  readonly hasHead: boolean;
  readonly failsOnError: boolean;
  readonly output: string | undefined;
  readonly writeOut: string;
  readonly userAgent: string;
  readonly timeoutNs: number | undefined;
  readonly connectTimeoutNs: number | undefined;
  /** `--resolve HOST:PORT:ADDRESS`, by `HOST:PORT`. */
  readonly resolved: ReadonlyMap<string, Ipv4Address>;
}

/** A refusal: curl's exit status and what it prints. */
export interface CurlRefusal {
  readonly status: number;
  readonly text: string;
}

const TRY_HELP = "curl: try 'curl --help' or 'curl --manual' for more information\n";

/** Long names of the short options. */
const LONG_NAMES: Readonly<Record<string, string>> = {
  v: 'verbose',
  s: 'silent',
  S: 'show-error',
  o: 'output',
  w: 'write-out',
  m: 'max-time',
  I: 'head',
  i: 'include',
  X: 'request',
  H: 'header',
  f: 'fail',
  A: 'user-agent',
  d: 'data',
  k: 'insecure',
  L: 'location',
  N: 'no-buffer',
  '4': 'ipv4',
};

const FLAGS: ReadonlySet<string> = new Set([
  'verbose',
  'silent',
  'show-error',
  'head',
  'include',
  'fail',
  'insecure',
  'location',
  'no-buffer',
  'ipv4',
  'http1.1',
  'http1.0',
  'no-progress-meter',
]);

const WITH_VALUE: ReadonlySet<string> = new Set([
  'output',
  'write-out',
  'max-time',
  'connect-timeout',
  'request',
  'header',
  'user-agent',
  'data',
  'resolve',
  'url',
]);

/** Reads a command line without the word curl. */
export function parseCurl(argv: readonly string[]): CurlRequest | CurlRefusal {
  const given = new Map<string, string[]>();
  const urls: string[] = [];
  let at = 0;
  const take = (spelling: string, name: string, attached: string): string | undefined => {
    if (FLAGS.has(name)) {
      given.set(name, []);
      return undefined;
    }
    if (!WITH_VALUE.has(name)) return `curl: option ${spelling}: is unknown\n`;
    const value = attached === '' ? argv[at++] : attached;
    if (value === undefined) return `curl: option ${spelling}: requires parameter\n`;
    given.set(name, [...(given.get(name) ?? []), value]);
    return undefined;
  };
  while (at < argv.length) {
    const word = argv[at++]!;
    let error: string | undefined;
    if (word.startsWith('--')) error = take(word, word.slice(2), '');
    else if (word.startsWith('-') && word.length > 1) error = takeLetters(word, take);
    else urls.push(word);
    if (error !== undefined) return { status: 2, text: error + TRY_HELP };
  }
  urls.push(...(given.get('url') ?? []));
  return requestOf(given, urls);
}

function takeLetters(
  word: string,
  take: (spelling: string, name: string, attached: string) => string | undefined,
): string | undefined {
  for (let i = 1; i < word.length; i++) {
    const name = LONG_NAMES[word[i]!] ?? '';
    const isFlag = FLAGS.has(name);
    const error = take(i === 1 ? word : `-${word[i]}`, name, isFlag ? '' : word.slice(i + 1));
    if (error !== undefined || !isFlag) return error;
  }
  return undefined;
}

function requestOf(
  given: ReadonlyMap<string, readonly string[]>,
  urls: readonly string[],
): CurlRequest | CurlRefusal {
  const [text] = urls;
  if (text === undefined) return { status: 2, text: TRY_HELP };
  const spans: (number | undefined)[] = [];
  for (const name of ['max-time', 'connect-timeout']) {
    const value = given.get(name)?.at(-1);
    const seconds = value === undefined ? undefined : parseDecimal(value);
    if (value !== undefined && seconds === undefined) {
      const spelling = name === 'max-time' ? '-m' : `--${name}`;
      const reason = `curl: option ${spelling}: expected a proper numerical parameter\n`;
      return { status: 2, text: reason + TRY_HELP };
    }
    spans.push(seconds === undefined ? undefined : Math.round(seconds * SECOND_NS));
  }
  const url = parseUrl(text);
  if ('status' in url) return url;
  const body = (given.get('data') ?? []).join('&');
  const isHead = given.has('head');
  const method = given.get('request')?.at(-1);
  return {
    url,
    method: method ?? (isHead ? 'HEAD' : given.has('data') ? 'POST' : 'GET'),
    headers: given.get('header') ?? [],
    body,
    isVerbose: given.has('verbose'),
    isSilent: given.has('silent'),
    showsErrors: !given.has('silent') || given.has('show-error'),
    hasHead: isHead || given.has('include'),
    failsOnError: given.has('fail'),
    output: given.get('output')?.at(-1),
    writeOut: given.get('write-out')?.at(-1) ?? '',
    userAgent: given.get('user-agent')?.at(-1) ?? 'curl/7.88.1',
    timeoutNs: spans[0],
    connectTimeoutNs: spans[1],
    resolved: new Map((given.get('resolve') ?? []).flatMap(resolvedEntry)),
  };
}

function resolvedEntry(text: string): [string, Ipv4Address][] {
  const [host, port, address] = text.split(':');
  const parsed = parseIpv4Address(address ?? '');
  return parsed === undefined ? [] : [[`${host}:${port}`, parsed]];
}

function parseUrl(text: string): CurlUrl | CurlRefusal {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'http') {
    const reason = `curl: (1) Protocol "${scheme}" not supported or disabled in libcurl\n`;
    return { status: 1, text: reason };
  }
  const rest = scheme === undefined ? text : text.slice(text.indexOf('://') + 3);
  const found =
    /^(?:[^/?#@]*@)?(\[[0-9a-f:.]+\]|[^/?#:[\]]+)(?::(\d*))?([/?][^#]*)?(?:#.*)?$/i.exec(rest);
  const [, written = '', portText = '', path = '/'] = found ?? [];
  const port = portText === '' ? 80 : Number(portText);
  if (found === null || port > 65_535) {
    const reason = 'curl: (3) URL using bad/illegal format or missing URL\n';
    return { status: 3, text: reason };
  }
  const host = written.replace(/^\[|\]$/g, '');
  const authority = port === 80 ? written : `${written}:${port}`;
  return { text, host, port, authority, path: path.startsWith('/') ? path : `/${path}` };
}
