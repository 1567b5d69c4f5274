/**
 * The `--pcap` directory: one pcapng file per node, with an interface block for each card. Frames
 * are copied as they pass; gossip datagrams, which are messages until somebody looks, get their
 * bytes, encrypted unless asked otherwise. The keys are in a file beside the captures.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FrameListener, tapUplinks } from '../cluster/capture.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { UsedKey } from '../cluster/gossip-keys.ts';
import { formatDuration } from '../sim/time.ts';
import { PacketDirection, PcapngWriter } from '../wire/pcapng.ts';

/** Beside the captures: the keys that decrypt the gossip in them. */
const KEYS_FILE = 'gossip-keys.txt';

/** What `--pcap-clear` or its absence asks for. */
export interface CaptureOptions {
  /** Gossip is written in the clear. */
  readonly isClear: boolean;
}

/** The captures of one run. */
export class Captures {
  readonly #options: CaptureOptions;
  #cluster: Cluster | undefined;
  readonly #writers = new Map<string, PcapngWriter>();

  constructor(options: CaptureOptions = { isClear: false }) {
    this.#options = options;
  }

  /** Starts capturing on every node. */
  attach(cluster: Cluster): void {
    this.#cluster = cluster;
    const interfaces = new Map<string, number>();
    for (const name of [...cluster.machines.map((machine) => machine.name), 'outside']) {
      const writer = new PcapngWriter('swarmlab');
      const host = cluster.machines.find((machine) => machine.name === name);
      for (const { segment } of host?.addresses.cards ?? [{ segment: 0 }]) {
        const card = `eth${segment}`;
        interfaces.set(`${name} ${card}`, writer.addInterface(card, name));
      }
      this.#writers.set(name, writer);
    }
    const listener: FrameListener = (name, card, atNs, bytes, start, end, isOutgoing) => {
      const writer = this.#writers.get(name);
      const direction = isOutgoing ? PacketDirection.outbound : PacketDirection.inbound;
      writer?.addPacket(interfaces.get(`${name} ${card}`)!, atNs, bytes, start, end, direction);
    };
    tapUplinks(cluster, listener, this.#options);
  }

  /** Writes a file per node, and the keys of the gossip. */
  write(directory: string): void {
    for (const [name, writer] of this.#writers) {
      writeFileSync(join(directory, `${name}.pcapng`), writer.finish());
    }
    const keys = this.#cluster?.gossipKeys.used ?? [];
    writeFileSync(join(directory, KEYS_FILE), keysText(keys));
  }
}

/** The keys of AES-GCM, one per line: hexadecimal, and when the first host had it. */
function keysText(keys: readonly UsedKey[]): string {
  return keys.map(({ key, sinceNs }) => `${key} since ${formatDuration(sinceNs)}\n`).join('');
}
