/**
 * firewalld as dockerd sees it: whenever it reloads or starts, all rules of iptables are gone, and it
 * says so on D-Bus; a daemon that runs writes its own again (`libnetwork/iptables/firewalld.go`).
 * Its own zones let everything pass here.
 */
import type { Host } from '../host/host.ts';
import type { TableName } from './writer.ts';

const TABLES: Readonly<Record<TableName, readonly string[]>> = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
};

/** firewalld of one host. */
export class Firewalld {
  isRunning = true;
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /** It starts, or reads its configuration again. */
  reload(): void {
    this.isRunning = true;
    this.#flush();
    this.#host.inEngine(() => this.#host.rewriteRules());
  }

  /** It stops, and takes all rules with it. */
  stop(): void {
    this.isRunning = false;
    this.#flush();
  }

  #flush(): void {
    const { tables } = this.#host.namespace;
    for (const [table, chains] of Object.entries(TABLES)) {
      tables.run(`-t ${table} -F`);
      tables.run(`-t ${table} -X`);
      for (const chain of chains) tables.run(`-t ${table} -P ${chain} ACCEPT`);
    }
  }
}
