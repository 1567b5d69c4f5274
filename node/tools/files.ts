/**
 * The files that programs of one command line see: what they wrote themselves, the few that Docker and
 * a distribution put there (`/etc/hosts`, `/etc/resolv.conf`), and the kernel's (`/proc/net`,
 * `/proc/sys`), which belong to the namespace of whoever reads.
 */
import { ipvsProcFile } from '../../ipvs/proc.ts';
import { procFile } from '../../net/proc/files.ts';
import type { Place } from './place.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('latin1');

/** Where everything that is written is forgotten. */
const NOWHERE = '/dev/null';
/** What is written here sets a sysctl. */
const SETTINGS = '/proc/sys/';

/** Files by their paths, as they were spelt. */
export class Files {
  readonly #written = new Map<string, Uint8Array>();
  readonly #onExport: (path: string, bytes: Uint8Array) => void;

  /** `onExport` hears of files that are meant for the world outside. */
  constructor(onExport: (path: string, bytes: Uint8Array) => void) {
    this.#onExport = onExport;
  }

  /** The bytes of a file, as they are at a place. */
  bytes(path: string, place: Place): Uint8Array | undefined {
    if (path === NOWHERE) return new Uint8Array();
    const text =
      place.files?.get(path) ??
      procFile(place.namespace, path) ??
      ipvsProcFile(place.namespace, path);
    return this.#written.get(path) ?? (text === undefined ? undefined : encoder.encode(text));
  }

  /** The text of a file. */
  text(path: string, place: Place): string | undefined {
    const bytes = this.bytes(path, place);
    return bytes === undefined ? undefined : decoder.decode(bytes);
  }

  /** Writes a file anew. */
  write(path: string, bytes: Uint8Array): void {
    if (path !== NOWHERE && !path.startsWith(SETTINGS)) this.#written.set(path, bytes);
  }

  /** Writes a file that the user of the simulator gets too (`tcpdump -w`). */
  export(path: string, bytes: Uint8Array): void {
    this.write(path, bytes);
    if (path !== NOWHERE) this.#onExport(path, bytes);
  }

  /** Writes text at the end of a file; in `/proc/sys` it is a setting's value. */
  append(path: string, text: string, { namespace }: Place): void {
    if (path.startsWith(SETTINGS)) {
      const name = path.slice(SETTINGS.length).replaceAll('/', '.');
      if (namespace.sysctls.text(name) !== undefined) namespace.sysctls.set(name, text.trim());
      return;
    }
    const before = this.#written.get(path) ?? new Uint8Array();
    const added = encoder.encode(text);
    const bytes = new Uint8Array(before.length + added.length);
    bytes.set(before);
    bytes.set(added, before.length);
    this.write(path, bytes);
  }
}
