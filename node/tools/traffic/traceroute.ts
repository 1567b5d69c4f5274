/**
 * `traceroute` 2.1 (Dmitry Butskoy's): datagrams to unlikely ports with a rising TTL, three for each
 * hop and sixteen on their way at once; who reports that they died, and after how long.
 */
import { Errno } from '../../../net/socket/errno.ts';
import type { UdpIcmpError, UdpSocket } from '../../../net/socket/udp-socket.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../../sim/time.ts';
import { IcmpType, UnreachableCode } from '../../../wire/icmp.ts';
import { formatIp, type IpAddress, isIpv6Address } from '../../../wire/ip-address.ts';
import { Icmpv6Type, Unreachable6Code } from '../../../wire/ipv6/icmpv6.ts';
import { addressOfName, nameOfAddress } from '../names.ts';
import { type Options, parseDecimal, parseOptions } from '../options.ts';
import type { Process } from '../process.ts';

const FIRST_PORT = 33_434;
/** Probes that may be unanswered at once (`-N`). */
const SIMULTANEOUS = 16;
/** Headers of a probe. */
const HEADER_BYTES = 28;

/** The same of ICMPv6. */
const MARKS6: Readonly<Record<number, string>> = {
  [Unreachable6Code.noRoute]: ' !N',
  [Unreachable6Code.prohibited]: ' !X',
  [Unreachable6Code.beyondScope]: ' !S',
  [Unreachable6Code.address]: ' !H',
};

/** What a probe's answer is marked with, by the code of destination unreachable. */
const MARKS: Readonly<Record<number, string>> = {
  [UnreachableCode.network]: ' !N',
  [UnreachableCode.host]: ' !H',
  [UnreachableCode.protocol]: ' !P',
  [UnreachableCode.networkProhibited]: ' !X',
  [UnreachableCode.hostProhibited]: ' !X',
  [UnreachableCode.administrativelyProhibited]: ' !X',
};

interface Probe {
  readonly hop: number;
  readonly port: number;
  readonly sentAtNs: number;
  /** Undefined while it is under way. */
  answer: Answer | undefined;
}

/** An empty `from` is a probe that nobody answered. */
interface Answer {
  readonly from: IpAddress | undefined;
  readonly spanNs: number;
  readonly mark: string;
  readonly isLast: boolean;
}

/** `traceroute [-n] [-m hops] [-q queries] [-w seconds] [-p port] host [bytes]`. */
export function traceroute(process: Process, argv: readonly string[]): void {
  const options = parseOptions('traceroute', argv, '46Unm:q:w:p:f:N:');
  if (typeof options === 'string') {
    process.fail(2, `${options}\nTry 'traceroute --help' for more information.\n`);
    return;
  }
  const [host] = options.operands;
  if (host === undefined) {
    process.fail(2, 'Specify "host" missing argument.\n');
    return;
  }
  addressOfName(
    process,
    host,
    (address, error) => {
      if (address === undefined) {
        const text = `${host}: ${error}\nCannot handle "host" cmdline arg \`${host}'`;
        process.fail(2, `${text} on position 1 (argc ${argv.length})\n`);
      } else new Trace(process, options, host, address).start();
    },
    options.has('6') ? 'ipv6' : undefined,
  );
}

class Trace {
  readonly #process: Process;
  readonly #host: string;
  readonly #address: IpAddress;
  readonly #isNumeric: boolean;
  readonly #hopsMax: number;
  readonly #queries: number;
  readonly #waitNs: number;
  readonly #firstPort: number;
  readonly #sizeBytes: number;
  readonly #probes: Probe[] = [];
  readonly #names = new Map<IpAddress, string>();
  /** Probes whose answers are printed. */
  #printedCount = 0;
  #isLookingUp = false;
  #lastFrom: IpAddress | undefined;
  #socket!: UdpSocket;

  constructor(process: Process, options: Options, host: string, address: IpAddress) {
    const number = (name: string, otherwise: number) =>
      parseDecimal(options.value(name) ?? '') ?? otherwise;
    this.#process = process;
    this.#host = host;
    this.#address = address;
    this.#isNumeric = options.has('n');
    this.#hopsMax = number('m', 30);
    this.#queries = number('q', 3);
    this.#waitNs = Math.round(number('w', 5) * SECOND_NS);
    this.#firstPort = number('p', FIRST_PORT);
    this.#sizeBytes = Number(options.operands[1] ?? (isIpv6Address(address) ? 80 : 60));
  }

  start(): void {
    const process = this.#process;
    this.#socket = process.place.namespace.sockets.openUdp({
      onIcmpError: (error) => this.#take(error),
    });
    process.whenOver(() => this.#socket.close());
    const where = `${this.#host} (${formatIp(this.#address)})`;
    const limits = `${this.#hopsMax} hops max, ${this.#sizeBytes} byte packets`;
    process.print(`traceroute to ${where}, ${limits}`);
    this.#fill();
  }

  /** Sends as many probes as may be under way. */
  #fill(): void {
    const process = this.#process;
    const total = this.#hopsMax * this.#queries;
    const end = this.#lastHop * this.#queries;
    while (!process.isOver && this.#probes.length < Math.min(total, end)) {
      const pending = this.#probes.filter((probe) => probe.answer === undefined).length;
      if (pending >= SIMULTANEOUS) return;
      const index = this.#probes.length;
      const hop = Math.floor(index / this.#queries) + 1;
      const port = this.#firstPort + index;
      const probe: Probe = { hop, port, sentAtNs: process.world.nowNs, answer: undefined };
      this.#probes.push(probe);
      this.#socket.ttl = hop;
      const payload = new Uint8Array(Math.max(0, this.#sizeBytes - this.#headerBytes)).fill(0x40);
      const errno = this.#socket.sendTo(payload, this.#address, port);
      if (errno !== Errno.none) {
        process.fail(1, '\nconnect: Network is unreachable\n');
        return;
      }
      process.after(this.#waitNs, () => {
        this.#answer(probe, { from: undefined, spanNs: 0, mark: '', isLast: false });
      });
    }
  }

  get #headerBytes(): number {
    return isIpv6Address(this.#address) ? HEADER_BYTES + 20 : HEADER_BYTES;
  }

  /** The hop at which the target has answered, as far as is known. */
  get #lastHop(): number {
    return this.#probes.find((probe) => probe.answer?.isLast === true)?.hop ?? this.#hopsMax;
  }

  #take({ type, code, from, toAddress, toPort, mtuBytes }: UdpIcmpError): void {
    const probe = this.#probes[toPort - this.#firstPort];
    if (probe === undefined || toAddress !== this.#address) return;
    const isVersion6 = isIpv6Address(from);
    const types = isVersion6 ? Icmpv6Type : IcmpType;
    const isUnreachable = type === types.destinationUnreachable;
    if (!isUnreachable && type !== types.timeExceeded) return;
    const spanNs = this.#process.world.nowNs - probe.sentAtNs;
    const marks = isVersion6 ? MARKS6 : MARKS;
    let mark = isUnreachable ? (marks[code] ?? '') : '';
    if (!isVersion6 && isUnreachable && code === UnreachableCode.fragmentationNeeded)
      mark = ` !F-${mtuBytes}`;
    this.#answer(probe, { from, spanNs, mark, isLast: isUnreachable });
  }

  #answer(probe: Probe, answer: Answer): void {
    if (probe.answer !== undefined) return;
    probe.answer = answer;
    this.#print();
    if (!this.#process.isOver) this.#fill();
  }

  /** Prints the answers in order, as far as there are any. */
  #print(): void {
    if (this.#isLookingUp) return;
    for (;;) {
      const probe = this.#probes[this.#printedCount];
      if (probe?.answer === undefined || probe.hop > this.#lastHop) break;
      const { from } = probe.answer;
      if (from !== undefined && !this.#isNumeric && !this.#names.has(from)) {
        this.#isLookingUp = true;
        nameOfAddress(this.#process, from, (name) => {
          this.#isLookingUp = false;
          this.#names.set(from, name ?? formatIp(from));
          this.#print();
        });
        return;
      }
      this.#printedCount++;
      this.#process.print(this.#textOf(probe, probe.answer));
    }
    const wanted = Math.min(this.#hopsMax, this.#lastHop) * this.#queries;
    if (this.#printedCount < wanted) return;
    this.#process.print('\n');
    this.#process.exit(0);
  }

  #textOf(probe: Probe, { from, spanNs, mark }: Answer): string {
    const isFirst = (this.#printedCount - 1) % this.#queries === 0;
    let text = '';
    if (isFirst) {
      text += `\n${String(probe.hop).padStart(2)} `;
      this.#lastFrom = undefined;
    }
    if (from === undefined) return `${text} *`;
    if (from !== this.#lastFrom) {
      const address = formatIp(from);
      text += this.#isNumeric ? ` ${address}` : ` ${this.#names.get(from)} (${address})`;
      this.#lastFrom = from;
    }
    return `${text}  ${(spanNs / MILLISECOND_NS).toFixed(3)} ms${mark}`;
  }
}
