/**
 * What a program has sent and the peer has not acknowledged: references to the program's own
 * arrays, oldest first, never copied until a segment is built.
 *
 * Offsets count from the first byte that is not acknowledged.
 */

/** Bytes waiting to be sent or acknowledged. */
export class SendBuffer {
  #chunks: Uint8Array[] = [];
  #head = 0;
  /** Acknowledged bytes of the first chunk. */
  #headOffset = 0;
  lengthBytes = 0;

  /** Appends the array itself, which nobody may change from now on. */
  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.lengthBytes += bytes.length;
  }

  /** Copies `count` bytes from `offset` on to `target` at `at`; they must be there. */
  copyTo(target: Uint8Array, at: number, offset: number, count: number): void {
    let index = this.#head;
    let from = this.#headOffset + offset;
    while (from >= this.#chunks[index]!.length) from -= this.#chunks[index++]!.length;
    let copied = 0;
    while (copied < count) {
      const chunk = this.#chunks[index++]!;
      const length = Math.min(chunk.length - from, count - copied);
      if (from === 0 && length === chunk.length) target.set(chunk, at + copied);
      else target.set(chunk.subarray(from, from + length), at + copied);
      copied += length;
      from = 0;
    }
  }

  /** Forgets the first `count` bytes; they must be there. */
  drop(count: number): void {
    this.lengthBytes -= count;
    let left = this.#headOffset + count;
    while (this.#head < this.#chunks.length && left >= this.#chunks[this.#head]!.length) {
      left -= this.#chunks[this.#head]!.length;
      this.#head++;
    }
    this.#headOffset = left;
    if (this.#head === this.#chunks.length) {
      this.#chunks.length = 0;
      this.#head = 0;
    } else if (this.#head >= 64) {
      this.#chunks = this.#chunks.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#chunks.length = 0;
    this.#head = 0;
    this.#headOffset = 0;
    this.lengthBytes = 0;
  }
}
