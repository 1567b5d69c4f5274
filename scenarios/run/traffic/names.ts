/**
 * What clients make of names: asked anew for every request, or remembered for a while whatever the
 * answer's own time to live says, as runtimes and proxies do.
 */
import type { Namespace } from '../../../net/namespace.ts';
import { resolveName } from '../../../node/dns/stub-resolver.ts';
import type { Ipv4Address } from '../../../wire/addresses.ts';
import type { Client } from '../client.ts';

interface Remembered {
  readonly address: Ipv4Address;
  readonly untilNs: number;
}

/** The names that one population of clients knows, each client for itself. */
export class NameCache {
  /** How long an answer is used, in ns; 0 asks every time. */
  readonly #keepNs: number;
  readonly #known = new WeakMap<Namespace, Map<string, Remembered>>();

  constructor(keepNs: number) {
    this.#keepNs = keepNs;
  }

  /** The address of a name; what is not found is asked for again. */
  resolve(
    client: Client,
    name: string,
    queryId: number,
    onAnswer: (address: Ipv4Address | undefined) => void,
  ): void {
    const { world } = client.namespace;
    let names = this.#known.get(client.namespace);
    const known = names?.get(name);
    if (known !== undefined && known.untilNs > world.nowNs) {
      onAnswer(known.address);
      return;
    }
    resolveName(client, name, queryId, (address) => {
      if (address !== undefined && this.#keepNs > 0) {
        names ??= new Map();
        this.#known.set(client.namespace, names);
        names.set(name, { address, untilNs: world.nowNs + this.#keepNs });
      }
      onAnswer(address);
    });
  }
}
