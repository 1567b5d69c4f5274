/**
 * `ping` of iputils 20221126: echo requests, a line for each answer, and the statistics.
 *
 * A target that is given as a name is answered with names: each answerer's is looked up, as
 * `getnameinfo` does, unless `-n` says otherwise. Mirrors iputils' ping.c and ping_common.c
 * (`finish`, `acknowledge`).
 */
import { formatPingResult, type PingResult, PingSocket } from '../../../net/socket/ping.ts';
import { MICROSECOND_NS, MILLISECOND_NS, SECOND_NS } from '../../../sim/time.ts';
import { ICMP_HEADER_BYTES } from '../../../wire/icmp.ts';
import { plainHeaderBytes } from '../../../wire/ip.ts';
import { formatIp, type IpAddress, isIpv6Address, parseIp } from '../../../wire/ip-address.ts';
import { isLinkLocal } from '../../../wire/ipv6/scope.ts';
import { addressOfName, nameOfAddress, type WantedFamily } from '../names.ts';
import { type Options, parseDecimal, parseOptions } from '../options.ts';
import type { Process } from '../process.ts';

/** How the kernel's own refusals begin, which count as errors; other failures to send do not. */
const LOCAL_ERROR = 'ping: local error';

const LETTERS = '46c:i:s:t:w:W:I:M:nqvDO';

const USAGE = `
Usage
  ping [options] <destination>

Options:
  <destination>      dns name or ip address
  -4                 use IPv4
  -6                 use IPv6
  -c <count>         stop after <count> replies
  -D                 print timestamps
  -i <interval>      seconds between sending each packet
  -I <interface>     either interface name or address
  -M <pmtud opt>     define mtu discovery, can be one of <do|dont|want>
  -n                 no dns name resolution
  -O                 report outstanding replies
  -q                 quiet output
  -s <size>          use <size> as number of data bytes to be sent
  -t <ttl>           define time to live
  -v                 verbose output
  -w <deadline>      reply wait <deadline> in seconds
  -W <timeout>       time to wait for response
`;

/** What a run of ping was asked for. */
interface Request {
  readonly target: string;
  readonly count: number;
  readonly intervalNs: number;
  readonly payloadBytes: number;
  readonly ttl: number;
  readonly dontFragment: boolean;
  readonly lingerNs: number;
  readonly deadlineNs: number | undefined;
  readonly from: string | undefined;
  readonly isNumeric: boolean;
  readonly isQuiet: boolean;
  /** `-D`: lines begin with the instant. */
  readonly hasTimestamps: boolean;
  /** `-O`: what is not answered when the next is sent is told. */
  readonly tellsMissing: boolean;
}

/** `ping [options] <destination>`: 0 with an answer, 1 without, 2 when nothing could be sent. */
export function ping(process: Process, argv: readonly string[]): void {
  const options = parseOptions('ping', argv, LETTERS);
  if (typeof options === 'string') {
    process.fail(2, `${options}\n${USAGE}`);
    return;
  }
  const request = requestOf(options);
  if (typeof request === 'string') {
    process.fail(request.startsWith('ping: usage error') ? 1 : 2, `${request}\n`);
    return;
  }
  addressOfName(
    process,
    request.target,
    (address, error) => {
      if (address === undefined) process.fail(2, `ping: ${request.target}: ${error}\n`);
      else new Run(process, request, address).start();
    },
    familyOf(options),
  );
}

function familyOf(options: Options): WantedFamily | undefined {
  if (options.has('6')) return 'ipv6';
  return options.has('4') ? 'ipv4' : undefined;
}

function requestOf(options: Options): Request | string {
  const target = options.operands.at(-1);
  if (target === undefined) return 'ping: usage error: Destination address required';
  const numbers = new Map<string, number>();
  for (const [name, least, most] of NUMBERS) {
    const text = options.value(name);
    if (text === undefined) continue;
    const value = parseDecimal(text);
    if (value === undefined) return `ping: invalid argument: '${text}'`;
    if (value < least || value > most) {
      const range = `${least} <= value <= ${most}`;
      return `ping: invalid argument: '${text}': out of range: ${range}`;
    }
    numbers.set(name, value);
  }
  const pathMtu = options.value('M');
  if (pathMtu !== undefined && !['do', 'dont', 'want', 'probe'].includes(pathMtu)) {
    return 'ping: wrong value for -M: do, dont, want, probe are valid ones';
  }
  const deadline = numbers.get('w');
  return {
    target,
    count: numbers.get('c') ?? Number.POSITIVE_INFINITY,
    intervalNs: Math.round((numbers.get('i') ?? 1) * SECOND_NS),
    payloadBytes: numbers.get('s') ?? 56,
    ttl: numbers.get('t') ?? 64,
    dontFragment: pathMtu === 'do' || pathMtu === 'probe',
    lingerNs: Math.round((numbers.get('W') ?? 10) * SECOND_NS),
    deadlineNs: deadline === undefined ? undefined : Math.round(deadline * SECOND_NS),
    from: options.value('I'),
    isNumeric: options.has('n') || parseIp(target.split('%')[0]!) !== undefined,
    isQuiet: options.has('q'),
    hasTimestamps: options.has('D'),
    tellsMissing: options.has('O'),
  };
}

/** Options with a number, and what they may be. */
const NUMBERS: readonly (readonly [string, number, number])[] = [
  ['c', 1, Number.MAX_SAFE_INTEGER],
  ['i', 0, 2_147_483],
  ['s', 0, 65_507],
  ['t', 1, 255],
  ['w', 0, 2_147_483_647],
  ['W', 0, 2_147_483],
];

class Run {
  readonly #process: Process;
  readonly #request: Request;
  readonly #address: IpAddress;
  readonly #startedAtNs: number;
  #lastSentAtNs: number;
  #sentCount = 0;
  /** The last request that was answered. */
  #answeredSequence = 0;
  #errorCount = 0;
  #pipeSize = 0;
  readonly #roundTripsUs: number[] = [];
  /** What the answerers are called; lines wait for a name that is being looked up. */
  readonly #names = new Map<IpAddress, string | undefined>();
  readonly #waiting: PingResult[] = [];
  #isLookingUp = false;
  #isEnding = false;

  constructor(process: Process, request: Request, address: IpAddress) {
    this.#process = process;
    this.#request = request;
    this.#address = address;
    this.#startedAtNs = process.world.nowNs;
    this.#lastSentAtNs = this.#startedAtNs;
  }

  start(): void {
    const { target, from, payloadBytes, count, deadlineNs } = this.#request;
    const process = this.#process;
    const { namespace } = process.place;
    const isVersion6 = isIpv6Address(this.#address);
    const zone = target.split('%')[1] ?? (isVersion6 ? from : undefined);
    const device = zone === undefined ? undefined : namespace.deviceByName(zone);
    const route = namespace.routeLookup({ destination: this.#address, outDevice: device });
    const isLocal = namespace.isLocalAddress(this.#address);
    if (isVersion6 && device === undefined && isLinkLocal(this.#address) && !isLocal) {
      process.fail(2, 'ping: connect: Invalid argument\n');
      return;
    }
    if (route === undefined || (isVersion6 && route.source === 0)) {
      process.fail(2, 'ping: connect: Network is unreachable\n');
      return;
    }
    const own = isVersion6 ? 0 : process.place.source;
    const source = from === undefined ? own : this.#sourceOf(from, route.source);
    if (source === undefined) {
      process.fail(2, `ping: unknown iface: ${from}\n`);
      return;
    }
    const isDevice = from !== undefined && parseIp(from) === undefined;
    const via = from === undefined ? '' : ` from ${formatIp(source)} ${isDevice ? from : ''}:`;
    const wholeBytes = payloadBytes + ICMP_HEADER_BYTES + plainHeaderBytes(this.#address);
    const to = formatIp(this.#address);
    if (isVersion6) process.print(`PING ${target}(${to})${via} ${payloadBytes} data bytes\n`);
    else {
      process.print(`PING ${target} (${to})${via} ${payloadBytes}(${wholeBytes}) bytes of data.\n`);
    }
    process.whenInterrupted(() => this.#finish());
    if (deadlineNs !== undefined) process.after(deadlineNs, () => this.#finish());
    const socket = PingSocket.start(namespace.sockets, {
      address: this.#address,
      count,
      intervalNs: this.#request.intervalNs,
      payloadBytes,
      ttl: this.#request.ttl,
      dontFragment: this.#request.dontFragment,
      lingerNs: this.#request.lingerNs,
      ...(source === 0 ? {} : { source }),
      device,
      onSend: () => this.#noteSend(),
      onResult: (result) => this.#take(result),
      onDone: () => this.#end(),
    });
    process.whenOver(() => socket.stop());
  }

  #noteSend(): void {
    const { tellsMissing, isQuiet } = this.#request;
    const isMissing = this.#sentCount > 0 && this.#answeredSequence < this.#sentCount;
    if (tellsMissing && isMissing && !isQuiet) {
      this.#process.print(`${this.#timestamp}no answer yet for icmp_seq=${this.#sentCount}\n`);
    }
    this.#sentCount++;
    this.#lastSentAtNs = this.#process.world.nowNs;
  }

  /** `[35.123456] ` with `-D`. */
  get #timestamp(): string {
    if (!this.#request.hasTimestamps) return '';
    return `[${(this.#process.world.nowNs / SECOND_NS).toFixed(6)}] `;
  }

  /** `-I`: an address of ours, or what a device has (`routed` in IPv6). */
  #sourceOf(from: string, routed: IpAddress): IpAddress | undefined {
    const { namespace } = this.#process.place;
    const address = parseIp(from);
    if (address !== undefined) return namespace.isLocalAddress(address) ? address : undefined;
    const device = namespace.deviceByName(from);
    if (device === undefined) return undefined;
    return isIpv6Address(this.#address) ? routed : namespace.addresses.of(device)[0]?.address;
  }

  #take(result: PingResult): void {
    if (result.from !== 0) this.#answeredSequence = result.sequence;
    if (result.from !== 0) {
      const behind = this.#sentCount - result.sequence;
      this.#pipeSize = Math.max(this.#pipeSize, behind + 1);
    }
    if (result.roundTripNs !== undefined) {
      this.#roundTripsUs.push(Math.floor(result.roundTripNs / MICROSECOND_NS));
    } else if (result.from !== 0 || result.error.startsWith(LOCAL_ERROR)) this.#errorCount++;
    this.#waiting.push(result);
    this.#printWaiting();
  }

  /** Prints what waits, in order, as far as the names are known. */
  #printWaiting(): void {
    if (this.#isLookingUp) return;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const { from } = next;
      if (!this.#request.isNumeric && from !== 0 && !this.#names.has(from)) {
        this.#isLookingUp = true;
        nameOfAddress(this.#process, from, (name) => {
          this.#isLookingUp = false;
          this.#names.set(from, name);
          this.#printWaiting();
        });
        return;
      }
      this.#waiting.shift();
      this.#printResult(next);
    }
    if (this.#isEnding) this.#finish();
  }

  #printResult(result: PingResult): void {
    if (result.from === 0) this.#process.complain(`${result.error}\n`);
    else if (!this.#request.isQuiet) {
      const line = formatPingResult(result, this.#names.get(result.from));
      this.#process.print(`${this.#timestamp}${line}\n`);
    }
  }

  /** Everything is answered, or has waited for too long. */
  #end(): void {
    if (this.#waiting.length > 0) this.#isEnding = true;
    else this.#finish();
  }

  #finish(): void {
    const process = this.#process;
    const received = this.#roundTripsUs.length;
    const sent = this.#sentCount;
    const loss = sent === 0 ? '' : `, ${percent(((sent - received) * 100) / sent)}% packet loss`;
    const errors = this.#errorCount === 0 ? '' : `, +${this.#errorCount} errors`;
    const spanMs = Math.floor((this.#lastSentAtNs - this.#startedAtNs) / MILLISECOND_NS);
    const span = sent === 0 ? '' : `, time ${spanMs}ms`;
    let last = received === 0 ? '' : roundTripText(this.#roundTripsUs);
    if (this.#pipeSize > 1) last += `${last === '' ? '' : ', '}pipe ${this.#pipeSize}`;
    process.print(
      `\n--- ${this.#request.target} ping statistics ---\n` +
        `${sent} packets transmitted, ${received} received${errors}${loss}${span}\n${last}\n`,
    );
    const { deadlineNs, count } = this.#request;
    const isCutShort = deadlineNs !== undefined && Number.isFinite(count) && received < count;
    process.exit(received === 0 || isCutShort ? 1 : 0);
  }
}

/** `%g`: six significant digits, without zeros at the end. */
function percent(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** `rtt min/avg/max/mdev = 0.045/0.052/0.060/0.007 ms`, in whole microseconds. */
function roundTripText(roundTripsUs: readonly number[]): string {
  const { length } = roundTripsUs;
  const sum = roundTripsUs.reduce((total, each) => total + each, 0);
  const squares = roundTripsUs.reduce((total, each) => total + each * each, 0);
  const average = Math.floor(sum / length);
  const variance = Math.max(0, Math.floor((squares - (sum * sum) / length) / length));
  const deviation = Math.floor(Math.sqrt(variance));
  const numbers = [Math.min(...roundTripsUs), average, Math.max(...roundTripsUs), deviation];
  const texts = numbers.map((us) => (us / 1000).toFixed(3));
  return `rtt min/avg/max/mdev = ${texts.join('/')} ms`;
}
