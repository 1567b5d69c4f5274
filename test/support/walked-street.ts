/**
 * A street that writes walks down: the first packet of a conversation and its answer, as the tables
 * that `swarmlab explain packet` draws.
 */
import { expect } from 'vitest';
import type { Namespace } from '../../net/namespace.ts';
import { PingSocket } from '../../net/socket/ping.ts';
import { Watch } from '../../net/watch.ts';
import { isIpv6Address, parseIp } from '../../wire/ip-address.ts';
import { ip, Street } from './street.ts';
import { walkLines } from './walk-lines.ts';

/** The host's address. */
export const H = '203.0.113.10';

/** What is drawn anew when anything else changes. */
const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [/veth[0-9a-f]{7}/g, 'vethXXXXXXX'],
  [/(\.\d+|\]):(?:32[7-9]|(?:3[3-9]|4\d|5\d|60)\d)\d\d\b/g, '$1:CPORT'],
  [/port (?:32[7-9]|(?:3[3-9]|4\d|5\d|60)\d)\d\d\b/g, 'port CPORT'],
];

/** A street that writes walks down. */
export class WalkedStreet extends Street {
  readonly lines: string[] = [];
  /** What people call namespaces, by their names. */
  readonly names: Record<string, string> = {};

  /** Writes down the first packet of a connection (or, without a port, of a ping) and its answer. */
  walk(title: string, from: Namespace, to: string, port?: number): void {
    this.settle();
    const watch = new Watch();
    watch.open(from.sockets, () => {
      const address = parseIp(to)!;
      const isClient = from === this.outside && !isIpv6Address(address);
      const source = isClient ? { sourceAddress: ip('198.51.100.7') } : {};
      if (port !== undefined) from.sockets.connect({ address, port, ...source, handlers: {} });
      else PingSocket.start(from.sockets, { address, onResult: () => {} });
    });
    this.settle();
    from.sockets.onSend = undefined;
    this.lines.push(`== ${title}`);
    this.lines.push(...walkLines(watch, this.names));
    this.lines.push('');
  }

  /** Compares all walks with a file of `testdata`; `vitest -u` writes it, to be read as a diff. */
  async expect(file: string): Promise<void> {
    let text = this.lines.join('\n');
    for (const [pattern, word] of VOLATILE) text = text.replaceAll(pattern, word);
    await expect(text).toMatchFileSnapshot(`testdata/packet-walks/${file}.txt`);
  }
}
