/**
 * The `--pcap` directory: one pcapng file per node, with an interface block for its uplink. Frames
 * are copied as they pass; gossip datagrams, which are messages until somebody looks, get their
 * bytes here.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tapUplinks } from '../cluster/capture.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { PacketDirection, PcapngWriter } from '../wire/pcapng.ts';

/** The captures of one run. */
export class Captures {
  readonly #writers = new Map<string, PcapngWriter>();

  /** Starts capturing on every node. */
  attach(cluster: Cluster): void {
    const interfaces = new Map<string, number>();
    for (const name of [...cluster.machines.map((machine) => machine.name), 'outside']) {
      const writer = new PcapngWriter('swarmlab');
      interfaces.set(name, writer.addInterface('eth0', name));
      this.#writers.set(name, writer);
    }
    tapUplinks(cluster, (name, atNs, bytes, start, end, isOutgoing) => {
      const writer = this.#writers.get(name);
      const direction = isOutgoing ? PacketDirection.outbound : PacketDirection.inbound;
      writer?.addPacket(interfaces.get(name)!, atNs, bytes, start, end, direction);
    });
  }

  /** Writes a file per node. */
  write(directory: string): void {
    for (const [name, writer] of this.#writers) {
      writeFileSync(join(directory, `${name}.pcapng`), writer.finish());
    }
  }
}
