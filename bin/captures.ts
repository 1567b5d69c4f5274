/**
 * The `--pcap` directory: one pcapng file per node, with an interface block for each card. Frames
 * are copied as they pass; gossip datagrams, which are messages until somebody looks, get their
 * bytes, encrypted unless asked otherwise. The keys are in files beside the captures: those of
 * encrypted overlays in the form of Wireshark's `esp_sa` table.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FrameListener, tapUplinks } from '../cluster/capture.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { UsedKey } from '../cluster/gossip-keys.ts';
import type { AssociationSpec } from '../net/xfrm/xfrm.ts';
import { formatDuration } from '../sim/time.ts';
import { toHex } from '../wire/bytes.ts';
import { formatIp, isIpv6Address } from '../wire/ip-address.ts';
import { PacketDirection, PcapngWriter } from '../wire/pcapng.ts';

/** Beside the captures: the keys that decrypt the gossip in them. */
const KEYS_FILE = 'gossip-keys.txt';

/** Beside captures with ESP: what decrypts it; Wireshark reads it as `esp_sa`. */
const ESP_KEYS_FILE = 'esp_sa';

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

  /** Writes a file per node, and the keys of gossip and overlays. */
  write(directory: string): void {
    for (const [name, writer] of this.#writers) {
      writeFileSync(join(directory, `${name}.pcapng`), writer.finish());
    }
    const keys = this.#cluster?.gossipKeys.used ?? [];
    writeFileSync(join(directory, KEYS_FILE), keysText(keys));
    const associations = this.#cluster?.espKeys ?? [];
    if (associations.length === 0) return;
    writeFileSync(join(directory, ESP_KEYS_FILE), associations.map(espKeyLine).join(''));
  }
}

/** The keys of AES-GCM, one per line: hexadecimal, and when the first host had it. */
function keysText(keys: readonly UsedKey[]): string {
  return keys.map(({ key, sinceNs }) => `${key} since ${formatDuration(sinceNs)}\n`).join('');
}

/** A row of Wireshark's table of security associations. */
function espKeyLine({ source, destination, spi, key, salt }: AssociationSpec): string {
  const ends = `"${formatIp(source)}","${formatIp(destination)}"`;
  const [id, saltText] = [spi, salt].map((word) => word.toString(16).padStart(8, '0'));
  const algorithms = `"AES-GCM with 8 octet ICV [RFC4106]","0x${toHex(key)}${saltText}","NULL",""`;
  const family = isIpv6Address(source) ? 'IPv6' : 'IPv4';
  return `"${family}",${ends},"0x${id}",${algorithms}\n`;
}
