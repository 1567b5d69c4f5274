/**
 * What `ip -j` and `bridge -j` print. iproute2 makes text and JSON by the same calls; here the text,
 * with whatever its command line has selected, is read into the objects of its JSON.
 */
import type { Json } from './json-writer.ts';

type Fields = Record<string, Json>;

const FOREVER = 4_294_967_295;

/** The words of a line, to be taken from the front. */
class Line {
  readonly #words: string[];

  constructor(text: string) {
    this.#words = text.trim().split(/\s+/);
  }

  get isOver(): boolean {
    return this.#words.length === 0 || this.#words[0] === '';
  }

  next(): string {
    return this.#words.shift() ?? '';
  }

  maybe(word: string): boolean {
    if (this.#words[0] !== word) return false;
    this.#words.shift();
    return true;
  }
}

/** A number where a word is one. */
function jsonOfWord(word: string): Json {
  if (word === 'on' || word === 'off') return word === 'on';
  return /^-?\d+(\.\d+)?$/.test(word) ? Number(word) : word;
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}

/** The devices of `ip [-d] [-s] link` and `ip address`. */
export function linksJson(text: string, hasAddresses: boolean): Json {
  const blocks = text.split(/^(?=\d+: )/m).filter((block) => block !== '');
  return blocks.map((block) => linkJson(linesOf(block), hasAddresses));
}

function linkJson(lines: readonly string[], hasAddresses: boolean): Fields {
  const [head = '', hardware = ''] = lines;
  const fields: Fields = { ...headFields(head), ...hardwareFields(hardware, lines.slice(2)) };
  const at = lines.findIndex((line) => line.startsWith('    RX:'));
  if (at >= 0) fields['stats64'] = statistics(lines[at + 1]!, lines[at + 3]!);
  if (hasAddresses) {
    fields['addr_info'] = lines.filter((line) => /^ {4}inet6? /.test(line)).map(addressJson);
  }
  return fields;
}

/** `2: eth0@if5: <…> mtu 1500 …`. */
function headFields(head: string): Fields {
  const [, index = '', name = '', flags = '', rest = ''] =
    /^(\d+): (\S+): <(.*?)> (.*)$/.exec(head) ?? [];
  const fields: Fields = { ifindex: Number(index), ...nameFields(name) };
  fields['flags'] = flags === '' ? [] : flags.split(',');
  const names: Readonly<Record<string, string>> = {
    state: 'operstate',
    mode: 'linkmode',
    qlen: 'txqlen',
  };
  const line = new Line(rest);
  while (!line.isOver) {
    const key = line.next();
    fields[names[key] ?? key] = jsonOfWord(line.next());
  }
  return fields;
}

/** `eth0@v0` and `eth0@if5`: another device here, or the number of one elsewhere. */
function nameFields(text: string): Fields {
  const [name = '', link] = text.split('@');
  const number = /^if(\d+)$/.exec(link ?? '')?.[1];
  if (number !== undefined) return { link_index: Number(number), ifname: name };
  return link === undefined ? { ifname: name } : { link, ifname: name };
}

const DETAIL_NAMES: Readonly<Record<string, string>> = {
  minmtu: 'min_mtu',
  maxmtu: 'max_mtu',
  addrgenmode: 'inet6_addr_gen_mode',
  numtxqueues: 'num_tx_queues',
  numrxqueues: 'num_rx_queues',
  port_id: 'id',
  port_no: 'no',
  designated_bridge: 'bridge_id',
  designated_root: 'root_id',
  mcast_router: 'multicast_router',
};

/** `    link/ether … brd … link-netnsid 0 promiscuity …`, and the lines of `-d` behind it. */
function hardwareFields(hardware: string, more: readonly string[]): Fields {
  const line = new Line(hardware);
  const fields: Fields = { link_type: line.next().slice('link/'.length), address: line.next() };
  line.next();
  fields['broadcast'] = line.next();
  const linkinfo: Fields = {};
  const take = (own: Line, into: Fields): void => {
    while (!own.isOver) {
      const key = own.next();
      if (key === 'addrgenmode') {
        // behind a kind's own words come the device's again
        fields['inet6_addr_gen_mode'] = own.next();
        take(own, fields);
        return;
      }
      const word = own.next();
      // only text has it
      if (key === 'mcast_fast_leave') continue;
      into[DETAIL_NAMES[key] ?? key.replace('-', '_')] =
        key === 'group_fwd_mask' ? word : jsonOfWord(word);
    }
  };
  take(line, fields);
  for (const text of more) {
    if (/^ {4}inet|^ {7}valid|^ {4}[RT]X:|^ {4} *\d/.test(text)) continue;
    const own = new Line(text);
    const kind = own.next();
    if (kind === 'bridge_slave') {
      const data: Fields = {};
      take(own, data);
      Object.assign(linkinfo, { info_slave_kind: 'bridge', info_slave_data: data });
    } else if (kind === 'addrgenmode') {
      fields['inet6_addr_gen_mode'] = own.next();
      take(own, fields);
    } else {
      linkinfo['info_kind'] = kind;
      const data = kind === 'bridge' ? {} : undefined;
      if (data !== undefined) {
        take(own, data);
        linkinfo['info_data'] = data;
      } else take(restOf(text), fields);
    }
  }
  if (Object.keys(linkinfo).length > 0) {
    const { inet6_addr_gen_mode, num_tx_queues, num_rx_queues, ...rest } = fields;
    const limits = Object.entries(rest).filter(([key]) => /^(gso|tso|gro)_/.test(key));
    const before = Object.entries(rest).filter(([key]) => !/^(gso|tso|gro)_/.test(key));
    const queues = { inet6_addr_gen_mode, num_tx_queues, num_rx_queues } as Fields;
    return { ...Object.fromEntries(before), linkinfo, ...queues, ...Object.fromEntries(limits) };
  }
  return fields;
}

/** What stands behind the words of a kind that are not read (`veth addrgenmode eui64 …`). */
function restOf(text: string): Line {
  const at = text.indexOf('addrgenmode');
  return new Line(at < 0 ? '' : text.slice(at));
}

function statistics(received: string, sent: string): Fields {
  const [rx, tx] = [received, sent].map((line) => line.trim().split(/\s+/).map(Number)) as [
    number[],
    number[],
  ];
  const fields = (names: readonly string[], numbers: readonly number[]) =>
    Object.fromEntries(names.map((name, i) => [name, numbers[i] ?? 0]));
  const common = ['bytes', 'packets', 'errors', 'dropped'];
  return {
    rx: fields([...common, 'over_errors', 'multicast'], rx),
    tx: fields([...common, 'carrier_errors', 'collisions'], tx),
  };
}

function addressJson(text: string): Fields {
  const line = new Line(text);
  const family = line.next();
  const [local = '', length = ''] = line.next().split('/');
  const fields: Fields = { family, local, prefixlen: Number(length) };
  if (line.maybe('brd')) fields['broadcast'] = line.next();
  line.next();
  fields['scope'] = line.next();
  while (!line.isOver) {
    const word = line.next();
    if (['secondary', 'nodad', 'tentative', 'dadfailed', 'dynamic', 'noprefixroute'].includes(word))
      fields[word] = true;
    else fields['label'] = word;
  }
  return { ...fields, valid_life_time: FOREVER, preferred_life_time: FOREVER };
}

/** `ip -br link` and `ip -br address`. */
export function briefJson(text: string, hasAddresses: boolean): Json {
  return linesOf(text).map((own) => {
    const line = new Line(own);
    const fields: Fields = { ...nameFields(line.next()), operstate: line.next() };
    if (!hasAddresses) {
      const address = line.next();
      return { ...fields, address, flags: line.next().slice(1, -1).split(',') };
    }
    const addresses: Json[] = [];
    while (!line.isOver) {
      const [local = '', length = ''] = line.next().split('/');
      addresses.push({ local, prefixlen: Number(length) });
    }
    return { ...fields, addr_info: addresses };
  });
}

const ROUTE_TYPES = [
  'local',
  'broadcast',
  'multicast',
  'unreachable',
  'prohibit',
  'blackhole',
  'throw',
];
const ROUTE_NAMES: Readonly<Record<string, string>> = {
  via: 'gateway',
  proto: 'protocol',
  src: 'prefsrc',
};

/** `ip route`, and `ip route get` of either version. */
export function routesJson(text: string): Json {
  return linesOf(text.replaceAll('\n    cache', ' cache')).map((own) => {
    const line = new Line(own);
    const first = line.next();
    const isTyped = ROUTE_TYPES.includes(first);
    const fields: Fields = isTyped ? { type: first, dst: line.next() } : { dst: first };
    const flags: string[] = [];
    const behind: Fields = {};
    while (!line.isOver) {
      const word = line.next();
      if (word === 'onlink' || word === 'linkdown') flags.push(word);
      else if (word === 'mtu') behind['metrics'] = [{ mtu: Number(line.next()) }];
      else if (word === 'uid') behind['uid'] = Number(line.next());
      else if (word === 'pref') behind['pref'] = line.next();
      else if (word === 'expires') behind['expires'] = Number.parseInt(line.next(), 10);
      else if (word === 'cache') behind['cache'] = [];
      else if (/^<.*>$/.test(word)) behind['cache'] = word.slice(1, -1).split(',');
      else fields[ROUTE_NAMES[word] ?? word] = jsonOfWord(line.next());
    }
    return { ...fields, flags, ...behind };
  });
}

/** `ip rule`. */
export function rulesJson(text: string): Json {
  return linesOf(text).map((own) => {
    const [priority = '', rest = ''] = own.split(':\t');
    const line = new Line(rest);
    const fields: Fields = { priority: Number(priority) };
    if (line.maybe('not')) fields['not'] = null;
    while (!line.isOver) {
      const key = line.next();
      if (key === 'blackhole' || key === 'unreachable' || key === 'prohibit')
        fields['action'] = key;
      else if (key === 'lookup') fields['table'] = line.next();
      else if (key === 'from' || key === 'to') {
        const [address = '', length] = line.next().split('/');
        const name = key === 'from' ? 'src' : 'dst';
        fields[name] = address;
        if (length !== undefined) fields[`${name}len`] = Number(length);
      } else if (key === 'fwmark') {
        const [mark = '', mask] = line.next().split('/');
        fields['fwmark'] = mark;
        if (mask !== undefined) fields['fwmask'] = mask;
      } else fields[key] = line.next();
    }
    return fields;
  });
}

/** `ip neigh`. */
export function neighboursJson(text: string): Json {
  return linesOf(text).map((own) => {
    const line = new Line(own);
    const fields: Fields = { dst: line.next() };
    while (!line.isOver) {
      const word = line.next();
      if (word === 'router') fields['router'] = null;
      else if (word === 'dev' || word === 'lladdr') fields[word] = line.next();
      else fields['state'] = [word];
    }
    return fields;
  });
}

/** `ip netns`: names, with their number where it is known. */
export function namespacesJson(text: string): Json {
  return linesOf(text).map((own) => {
    const [, name = '', id] = /^(\S+)(?: \(id: (\d+)\))?/.exec(own) ?? [];
    return id === undefined ? { name } : { name, id: Number(id) };
  });
}

/** `bridge fdb`. */
export function fdbJson(text: string): Json {
  return linesOf(text).map((own) => {
    const line = new Line(own);
    const fields: Fields = { mac: line.next() };
    const flags: string[] = [];
    const behind: Fields = { state: '' };
    let master: string | undefined;
    while (!line.isOver) {
      const word = line.next();
      if (word === 'self' || word === 'extern_learn' || word === 'offload') flags.push(word);
      else if (word === 'master') master = line.next();
      else if (word === 'permanent' || word === 'static') behind['state'] = word;
      else if (word === 'used') {
        const [used = '', updated = ''] = line.next().split('/');
        Object.assign(fields, { used: Number(used), updated: Number(updated) });
      } else fields[word === 'dev' ? 'ifname' : word] = jsonOfWord(line.next());
    }
    return { ...fields, flags, ...(master === undefined ? {} : { master }), ...behind };
  });
}

/** `bridge link`. */
export function portsJson(text: string): Json {
  return linesOf(text)
    .filter((own) => /^\d/.test(own))
    .map((own) => headFields(own.replace(/ state /, ' port_state ')))
    .map(({ port_state, ...fields }) => {
      const { priority, cost, ...rest } = fields as Fields;
      return { ...rest, state: port_state, priority, cost } as Fields;
    });
}
