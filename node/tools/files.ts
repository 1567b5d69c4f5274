/**
 * The files that programs of one command line see: what they wrote themselves, and the few that
 * Docker and a distribution put there (`/etc/hosts`, `/etc/resolv.conf`).
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder('latin1');

/** Where everything that is written is forgotten. */
const NOWHERE = '/dev/null';

/** Files by their paths, as they were spelt. */
export class Files {
  readonly #written = new Map<string, Uint8Array>();
  readonly #onExport: (path: string, bytes: Uint8Array) => void;

  /** `onExport` hears of files that are meant for the world outside. */
  constructor(onExport: (path: string, bytes: Uint8Array) => void) {
    this.#onExport = onExport;
  }

  /** The bytes of a file; `given` are those of the place. */
  bytes(path: string, given: ReadonlyMap<string, string> | undefined): Uint8Array | undefined {
    if (path === NOWHERE) return new Uint8Array();
    const text = given?.get(path);
    return this.#written.get(path) ?? (text === undefined ? undefined : encoder.encode(text));
  }

  /** The text of a file. */
  text(path: string, given: ReadonlyMap<string, string> | undefined): string | undefined {
    const bytes = this.bytes(path, given);
    return bytes === undefined ? undefined : decoder.decode(bytes);
  }

  /** Writes a file anew. */
  write(path: string, bytes: Uint8Array): void {
    if (path !== NOWHERE) this.#written.set(path, bytes);
  }

  /** Writes a file that the user of the simulator gets too (`tcpdump -w`). */
  export(path: string, bytes: Uint8Array): void {
    this.write(path, bytes);
    if (path !== NOWHERE) this.#onExport(path, bytes);
  }

  /** Writes text at the end of a file. */
  append(path: string, text: string): void {
    const before = this.#written.get(path) ?? new Uint8Array();
    const added = encoder.encode(text);
    const bytes = new Uint8Array(before.length + added.length);
    bytes.set(before);
    bytes.set(added, before.length);
    this.write(path, bytes);
  }
}
