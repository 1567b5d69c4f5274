/**
 * What real daemons printed, as `test/fixtures/real-docker` keeps it: a case is one packed file, a
 * dump in it is named by node, namespace and command (`node1/host/iptables_save.txt`).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { NodeNetworks } from './roles.ts';

const FOLDER = join(import.meta.dirname, '../fixtures/real-docker');

/** The dumps of one case of the lab. */
export class RealCase {
  readonly #files: Readonly<Record<string, string>>;

  /** Reads `V01b-after-traffic` and the like; throws when there is no such case. */
  constructor(name: string) {
    const packed = readFileSync(join(FOLDER, `${name}.json.gz`));
    this.#files = JSON.parse(gunzipSync(packed).toString('utf8'));
  }

  /** The paths of all dumps, in alphabetical order. */
  get paths(): string[] {
    return Object.keys(this.#files).sort();
  }

  /** The folder of a namespace; a task's may leave its id out (`node1/ct_web.1`). */
  folder(name: string): string {
    const path = this.paths.find((one) => one.startsWith(`${name}/`) || one.startsWith(`${name}.`));
    if (path === undefined) throw new Error(`the case has no ${name}`);
    return path.slice(0, path.lastIndexOf('/'));
  }

  /** A dump; throws when the case does not have it. */
  text(path: string): string {
    const text = this.#files[path];
    if (text === undefined) throw new Error(`the case has no ${path}`);
    return text;
  }

  /** What `docker network inspect` showed on each node, verbose where the lab asked for it. */
  networks(): NodeNetworks[] {
    return [1, 2, 3].map((node) => {
      const own = this.paths.filter((path) => isInspection(path, node));
      return { node, networks: own.flatMap((path) => this.json(path)) };
    });
  }

  /** A dump that is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: the shapes are the tools', and tests say which
  json(path: string): any {
    return JSON.parse(this.text(path));
  }
}

function isInspection(path: string, node: number): boolean {
  const file = path.startsWith(`node${node}/`) ? path.slice('nodeN/'.length) : '';
  return /^(docker_network_inspect(_v)?|network_\w+)\.json$/.test(file);
}
