/**
 * `tcpdump` 4.99: the frames of a device, or of all (`-i any`), as lines or as a capture file
 * (`-w`, pcapng). Addresses and ports are always numbers, as with `-n`.
 */
import type { Device } from '../../../net/device/device.ts';
import { addTap } from '../../../net/device/taps.ts';
import { LinkTarget, type Packet } from '../../../net/packet.ts';
import { destinationMacOf } from '../../../wire/ethernet.ts';
import { PacketDirection, PcapngWriter } from '../../../wire/pcapng.ts';
import { type Options, parseOptions } from '../options.ts';
import type { Process } from '../process.ts';
import { microsecondText } from '../wall-clock.ts';
import { type DumpFormat, dumpFormatOf, dumpText } from './dump-text.ts';
import { type FrameFilter, parseFilter } from './filter.ts';
import { type FrameFormat, frameText } from './frame-text.ts';

const USAGE = `tcpdump version 4.99.3
libpcap version 1.10.3 (with TPACKET_V3)
Usage: tcpdump [-AbdDefhHIJKlLnNOpqStuUvxX#] [ -B size ] [ -c count ] [--count]
		[ -C file_size ] [ -E algo:secret ] [ -F file ] [ -G seconds ]
		[ -i interface ] [ --immediate-mode ] [ -j tstamptype ]
		[ -M secret ] [ --number ] [ --print ] [ -Q in|out|inout ]
		[ -r file ] [ -s snaplen ] [ -T type ] [ --version ]
		[ -V file ] [ -w file ] [ -W filecount ] [ -y datalinktype ]
		[ --time-stamp-precision precision ] [ --micro ] [ --nano ]
		[ -z postrotate-command ] [ -Z user ] [ expression ]
`;

/** `tcpdump [-i device] [-n] [-e] [-v] [-q] [-t] [-S] [-x|-X|-A] [-c count] [-Q in|out] [-w file]`. */
export function tcpdump(process: Process, argv: readonly string[]): void {
  const options = parseOptions('tcpdump', argv, 'Ac:eEi:lnNpqQ:s:StUvw:xX');
  if (typeof options === 'string') {
    process.fail(1, `${options}\n${USAGE}`);
    return;
  }
  const filter = parseFilter(options.operands.join(' '));
  if (typeof filter === 'string') {
    process.fail(1, `tcpdump: ${filter}\n`);
    return;
  }
  const count = Number(options.value('c') ?? Number.POSITIVE_INFINITY);
  if (!(count > 0)) {
    process.fail(1, `tcpdump: invalid packet count ${options.value('c')}\n`);
    return;
  }
  const { devices } = process.place.namespace;
  const name = options.value('i') ?? devices.list().find(isFirstChoice)?.name ?? 'lo';
  const device = devices.byName(name);
  if (name !== 'any' && device === undefined) {
    const reason = 'No such device exists';
    process.fail(1, `tcpdump: ${name}: ${reason}\n(${reason})\n`);
    return;
  }
  const chosen = device === undefined ? devices.list() : [device];
  new Capture(process, options, filter, chosen, count, name).start();
}

function isFirstChoice(device: Device): boolean {
  return device.isUp && device.kind !== 'loopback';
}

class Capture {
  readonly #process: Process;
  readonly #options: Options;
  readonly #filter: FrameFilter;
  readonly #devices: readonly Device[];
  readonly #count: number;
  readonly #name: string;
  readonly #format: FrameFormat;
  readonly #dump: DumpFormat;
  readonly #file: string | undefined;
  readonly #writer = new PcapngWriter('tcpdump');
  readonly #interfaces = new Map<Device, number>();
  #capturedCount = 0;

  constructor(
    process: Process,
    options: Options,
    filter: FrameFilter,
    devices: readonly Device[],
    count: number,
    name: string,
  ) {
    this.#process = process;
    this.#options = options;
    this.#filter = filter;
    this.#devices = devices;
    this.#count = count;
    this.#name = name;
    this.#file = options.value('w');
    this.#dump = dumpFormatOf(options.given.map(({ name: letter }) => letter));
    this.#format = {
      hasLink: options.has('e'),
      isVerbose: options.has('v'),
      sequences: options.has('S') ? undefined : new Map(),
    };
  }

  start(): void {
    this.#announce();
    const direction = this.#options.value('Q');
    for (const device of this.#devices) {
      this.#interfaces.set(device, this.#writer.addInterface(device.name));
      const release = addTap(device, (_device, packet, isOutgoing) => {
        // on loopback what leaves comes in at once: libpcap leaves one of the two out
        if (isOutgoing && device.kind === 'loopback') return;
        if (direction === 'in' && isOutgoing) return;
        if (direction === 'out' && !isOutgoing) return;
        this.#take(device, packet, isOutgoing);
      });
      this.#process.whenOver(release);
    }
    this.#process.whenInterrupted(() => {
      this.#process.complain('\n');
      this.#finish();
    });
  }

  #announce(): void {
    const process = this.#process;
    const isAny = this.#name === 'any';
    const type = isAny ? 'LINUX_SLL2 (Linux cooked v2)' : 'EN10MB (Ethernet)';
    if (isAny) process.complain('tcpdump: data link type LINUX_SLL2\n');
    if (this.#file === undefined && !this.#format.isVerbose) {
      const hint = 'use -v[v]... for full protocol decode';
      process.complain(`tcpdump: verbose output suppressed, ${hint}\n`);
    }
    const prefix = this.#file === undefined && !this.#format.isVerbose ? '' : 'tcpdump: ';
    const where = `listening on ${this.#name}, link-type ${type}`;
    process.complain(`${prefix}${where}, snapshot length 262144 bytes\n`);
  }

  #take(device: Device, packet: Packet, isOutgoing: boolean): void {
    const { bytes, start, end } = packet;
    if (this.#process.isOver || !this.#filter(bytes, start, end)) return;
    this.#capturedCount++;
    const { nowNs } = this.#process.world;
    if (this.#file !== undefined) {
      const way = isOutgoing ? PacketDirection.outbound : PacketDirection.inbound;
      this.#writer.addPacket(this.#interfaces.get(device)!, nowNs, bytes, start, end, way);
    } else {
      const time = this.#options.has('t') ? '' : `${microsecondText(nowNs)} `;
      const where =
        this.#name === 'any'
          ? `${device.name.padEnd(5)} ${directionText(packet, isOutgoing).padEnd(3)} `
          : '';
      const line = `${time}${where}${frameText(bytes, start, end, this.#format)}`;
      this.#process.print(`${line}${dumpText(this.#dump, bytes, start, end)}\n`);
    }
    if (this.#capturedCount >= this.#count) this.#finish();
  }

  #finish(): void {
    const process = this.#process;
    if (this.#file !== undefined) process.files.export(this.#file, this.#writer.finish());
    const number = this.#capturedCount;
    const packets = number === 1 ? 'packet' : 'packets';
    process.complain(
      `${number} ${packets} captured\n${number} ${packets} received by filter\n` +
        '0 packets dropped by kernel\n',
    );
    process.exit(0);
  }
}

/** How `-i any` names the way of a frame. */
function directionText(packet: Packet, isOutgoing: boolean): string {
  if (isOutgoing) return 'Out';
  const to = destinationMacOf(packet.bytes, packet.start);
  if (to === 0xffff_ffff_ffff) return 'B';
  if (Math.floor(to / 0x100_0000_0000) % 2 === 1) return 'M';
  return packet.linkTarget === LinkTarget.otherHost ? 'P' : 'In';
}
