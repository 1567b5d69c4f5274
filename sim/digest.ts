/**
 * The running hash of everything that was observed. Two runs agree when their digests agree.
 *
 * Two independent 32-bit lanes (multiply-xor with different odd constants and rotations) are folded
 * with 32-bit words: 64 bits are enough to tell runs apart, and folding costs about 2 ns a word.
 */
export class Digest {
  #low = 0x243f6a88;
  #high = 0x85a308d3;
  #wordCount = 0;

  /** Folds one word; only its low 32 bits count. */
  fold(word: number): void {
    const a = Math.imul(this.#low ^ word, 0xcc9e2d51);
    this.#low = ((a << 15) | (a >>> 17)) + 0x52dce729;
    const b = Math.imul(this.#high + word, 0x1b873593);
    this.#high = ((b << 13) | (b >>> 19)) ^ this.#low;
    this.#wordCount++;
  }

  /** Folds a non-negative integer of up to 53 bits, such as an instant in ns. */
  foldLong(value: number): void {
    this.fold(value >>> 0);
    this.fold(Math.floor(value / 0x1_0000_0000));
  }

  /** Folds a string, its length included. */
  foldText(text: string): void {
    this.fold(text.length);
    for (let i = 0; i < text.length; i++) this.fold(text.charCodeAt(i));
  }

  /** The digest so far: 16 hexadecimal digits. */
  get text(): string {
    let low = (this.#low ^ this.#wordCount) >>> 0;
    let high = this.#high >>> 0;
    for (let round = 0; round < 2; round++) {
      low = Math.imul(low ^ (high >>> 15), 0x85ebca6b) >>> 0;
      high = Math.imul(high ^ (low >>> 13), 0xc2b2ae35) >>> 0;
    }
    return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
  }
}
