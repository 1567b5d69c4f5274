/**
 * The filters of `ss`: `state established`, `sport = :80`, `dst 10.0.0.0/8 and not dport = :53`.
 * Mirrors iproute2 misc/ssfilter.y.
 */
import type { SocketRow } from '../../../net/socket/show.ts';
import { parseIpv4Address, parsePrefix, prefixContains } from '../../../wire/addresses.ts';

type Test = (socket: SocketRow) => boolean;

/** What a filter asks for. */
export interface SsFilter {
  readonly test: Test;
  /** The only state that is asked for, as it is printed. */
  readonly onlyState: string | undefined;
  /** Listening and closed sockets are asked for, too. */
  readonly includesAll: boolean;
}

/** The words for states, and how the column has them. */
const STATES: Readonly<Record<string, string>> = {
  established: 'ESTAB',
  'syn-sent': 'SYN-SENT',
  'syn-recv': 'SYN-RECV',
  'fin-wait-1': 'FIN-WAIT-1',
  'fin-wait-2': 'FIN-WAIT-2',
  'time-wait': 'TIME-WAIT',
  closed: 'UNCONN',
  'close-wait': 'CLOSE-WAIT',
  'last-ack': 'LAST-ACK',
  listening: 'LISTEN',
  listen: 'LISTEN',
  closing: 'CLOSING',
};

/** What is compared. */
const FIELDS = ['sport', 'dport', 'src', 'dst'];

const CONNECTED = Object.values(STATES).filter((state) => state !== 'LISTEN' && state !== 'UNCONN');

/** Reads the words behind the options; the text of ss' complaint when they are no filter. */
export function parseSsFilter(words: readonly string[]): SsFilter | string {
  const wanted = new Set<string>();
  let at = 0;
  for (; words[at] === 'state'; at += 2) {
    const word = words[at + 1] ?? '';
    if (word === 'all') for (const state of Object.values(STATES)) wanted.add(state);
    else if (word === 'connected') for (const state of CONNECTED) wanted.add(state);
    else if (word in STATES) wanted.add(STATES[word]!);
    else return `ss: wrong state name: ${word}`;
  }
  const tokens = words
    .slice(at)
    .flatMap((word) => word.match(/[()!]|[<>=!]=|[<>=]|[^\s()!<>=]+/g) ?? []);
  const expression = tokens.length === 0 ? () => true : new Expression(tokens).parse();
  if (expression === undefined) {
    const word = tokens.find((token) => /^[a-z]/i.test(token)) ?? tokens[0]!;
    if (FIELDS.includes(word)) {
      return 'ss: bison bellows (while parsing filter): "syntax error!" Sorry.';
    }
    return `Error: an inet prefix is expected rather than "${word}".\nCannot parse dst/src address.`;
  }
  const test: Test = (row) => (wanted.size === 0 || wanted.has(row.state)) && expression(row);
  const onlyState = wanted.size === 1 ? [...wanted][0] : undefined;
  return { test, onlyState, includesAll: wanted.size > 0 };
}

class Expression {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  parse(): Test | undefined {
    const test = this.#any();
    return this.#at === this.#tokens.length ? test : undefined;
  }

  #maybe(...tokens: readonly string[]): string | undefined {
    const token = this.#tokens[this.#at];
    if (token === undefined || !tokens.includes(token)) return undefined;
    this.#at++;
    return token;
  }

  #any(): Test | undefined {
    let left = this.#all();
    while (left !== undefined && this.#maybe('or', '||', '|') !== undefined) {
      const [first, second] = [left, this.#all()];
      left = second && ((row) => first(row) || second(row));
    }
    return left;
  }

  #all(): Test | undefined {
    let left = this.#one();
    while (left !== undefined && this.#at < this.#tokens.length) {
      if (['or', '||', '|', ')'].includes(this.#tokens[this.#at]!)) break;
      this.#maybe('and', '&&', '&');
      const [first, second] = [left, this.#one()];
      left = second && ((row) => first(row) && second(row));
    }
    return left;
  }

  #one(): Test | undefined {
    if (this.#maybe('not', '!') !== undefined) {
      const inner = this.#one();
      return inner && ((row) => !inner(row));
    }
    if (this.#maybe('(') !== undefined) {
      const inner = this.#any();
      return this.#maybe(')') === undefined ? undefined : inner;
    }
    const field = this.#maybe(...FIELDS) ?? 'dst';
    const comparison = this.#maybe('=', '==', '!=', '<', '>', '<=', '>=', 'eq', 'neq') ?? '=';
    const value = this.#tokens[this.#at++];
    if (value === undefined) return undefined;
    return field.endsWith('port')
      ? portTest(field === 'sport', comparison, value)
      : addressTest(field === 'src', value);
  }
}

function portTest(isLocal: boolean, comparison: string, value: string): Test | undefined {
  const port = Number(value.replace(/^.*:/, ''));
  if (!Number.isInteger(port)) return undefined;
  return (row) => {
    const own = Number(isLocal ? row.localPort : row.peerPort);
    switch (comparison) {
      case '!=':
      case 'neq':
        return own !== port;
      case '<':
        return own < port;
      case '<=':
        return own <= port;
      case '>':
        return own > port;
      case '>=':
        return own >= port;
      default:
        return own === port;
    }
  };
}

/** `10.0.0.1`, `10.0.0.0/8`, either with a port behind a colon. */
function addressTest(isLocal: boolean, value: string): Test | undefined {
  const [text = '', port] = value.split(':');
  const address = parseIpv4Address(text);
  const prefix = address === undefined ? parsePrefix(text) : { address, lengthBits: 32 };
  if (prefix === undefined) return undefined;
  return (row) => {
    const own = parseIpv4Address(isLocal ? row.local : row.peer);
    const ownPort = isLocal ? row.localPort : row.peerPort;
    const isPort = port === undefined || port === '*' || port === ownPort;
    return own !== undefined && prefixContains(prefix, own) && isPort;
  };
}
