/**
 * LZW as in Go's `compress/lzw` with order LSB and a literal width of 8, byte for byte.
 *
 * Codes are 9 to 12 bits, least significant bit first. 256 clears the dictionary, 257 ends the
 * stream. The dictionary of the encoder maps (code, next byte) to a code through a hash table that
 * is kept between calls: undoing the slots that were used costs less than clearing all 64 KiB for a
 * packet of 100 bytes. The decoder needs no dictionary of bytes: what a code stands for is somewhere
 * in the output already, so an entry is an offset and a length.
 */

const CLEAR = 256;
const END = 257;
const WIDTH_MIN = 9;
const WIDTH_MAX = 12;
/** The encoder never emits this code: reaching it clears the dictionary. */
const CODE_MAX = 4095;
const NO_CODE = -1;

const TABLE_MASK = 0x3fff;
/** Fibonacci hashing, for tables of up to 14 bits. */
const HASH_FACTOR = 0x9e37_79b1;
/** Entries are key << 12 | code, the key being code << 8 | byte; 0 is a free slot. */
const table = new Uint32Array(TABLE_MASK + 1);
const usedSlots = new Uint16Array(CODE_MAX + 1);
let usedCount = 0;

/** More than {@link lzwEncodeInto} ever writes for so many bytes. */
export function lzwBytesMax(inputBytes: number): number {
  return Math.ceil(inputBytes * 1.5) + (inputBytes >>> 8) + 16;
}

/** More than so many bytes inflate to: each code stands for a byte more than the one before it can. */
export function inflatedBytesMax(inputBytes: number): number {
  const codeCount = Math.floor((8 * inputBytes) / WIDTH_MIN);
  return codeCount * Math.min(codeCount, CODE_MAX);
}

/**
 * Compresses a range of bytes into `output`, which holds at least {@link lzwBytesMax} of them.
 * Returns how many bytes were written.
 */
export function lzwEncodeInto(
  bytes: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
): number {
  let width = WIDTH_MIN;
  let high = END;
  let bits = CLEAR;
  let bitCount = WIDTH_MIN;
  let at = 0;
  let code = start < end ? bytes[start]! : NO_CODE;
  for (let i = start + 1; i <= end && code !== NO_CODE; i++) {
    let slot = 0;
    let key = 0;
    if (i < end) {
      key = (code << 8) | bytes[i]!;
      slot = ((key >>> 12) ^ key) & TABLE_MASK;
      let entry = table[slot]!;
      while (entry !== 0 && entry >>> 12 !== key) {
        slot = (slot + 1) & TABLE_MASK;
        entry = table[slot]!;
      }
      if (entry !== 0) {
        code = entry & CODE_MAX;
        continue;
      }
    }
    bits |= code << bitCount;
    for (bitCount += width; bitCount >= 8; bitCount -= 8) {
      output[at++] = bits;
      bits >>>= 8;
    }
    code = i < end ? bytes[i]! : NO_CODE;
    high++;
    if (high === 1 << width) width++;
    if (high === CODE_MAX) {
      bits |= CLEAR << bitCount;
      for (bitCount += width; bitCount >= 8; bitCount -= 8) {
        output[at++] = bits;
        bits >>>= 8;
      }
      width = WIDTH_MIN;
      high = END;
      forgetEntries();
    } else if (i < end) {
      table[slot] = ((key << 12) | high) >>> 0;
      usedSlots[usedCount++] = slot;
    }
  }
  forgetEntries();
  bits |= END << bitCount;
  for (bitCount += width; bitCount > 0; bitCount -= 8) {
    output[at++] = bits;
    bits >>>= 8;
  }
  return at;
}

/** Inputs below this need so few entries that a quarter of the table holds them, which stays in the cache. */
const SHORT_BYTES = 2048;
const SHORT_TABLE_MASK = 0xfff;

/**
 * How many bytes {@link lzwEncodeInto} would write: the same codes, counted and not packed, which takes a
 * tenth (full packets) to a quarter (short ones) less time.
 */
export function lzwSizeOf(bytes: Uint8Array, start: number, end: number): number {
  const mask = end - start < SHORT_BYTES ? SHORT_TABLE_MASK : TABLE_MASK;
  let width = WIDTH_MIN;
  let high = END;
  let bitCount = WIDTH_MIN;
  let code = start < end ? bytes[start]! : NO_CODE;
  for (let i = start + 1; i <= end && code !== NO_CODE; i++) {
    let slot = 0;
    let key = 0;
    if (i < end) {
      key = (code << 8) | bytes[i]!;
      slot = (Math.imul(key, HASH_FACTOR) >>> 18) & mask;
      let entry = table[slot]!;
      while (entry !== 0 && entry >>> 12 !== key) {
        slot = (slot + 1) & mask;
        entry = table[slot]!;
      }
      if (entry !== 0) {
        code = entry & CODE_MAX;
        continue;
      }
    }
    bitCount += width;
    code = i < end ? bytes[i]! : NO_CODE;
    high++;
    if (high === 1 << width) width++;
    if (high === CODE_MAX) {
      bitCount += width;
      width = WIDTH_MIN;
      high = END;
      forgetEntries();
    } else if (i < end) {
      table[slot] = ((key << 12) | high) >>> 0;
      usedSlots[usedCount++] = slot;
    }
  }
  forgetEntries();
  return Math.ceil((bitCount + width) / 8);
}

function forgetEntries(): void {
  for (let i = 0; i < usedCount; i++) table[usedSlots[i]!] = 0;
  usedCount = 0;
}

// what the decoder's codes stand for: an offset into the output and a length
const entryStart = new Uint32Array(CODE_MAX + 1);
const entryBytes = new Uint32Array(CODE_MAX + 1);

/**
 * Inflates a range of bytes; what follows the end code is ignored. The output never takes more than
 * `outputBytesMax`. Errors are Go's texts, and memberlist's for the limit.
 */
export function lzwDecode(
  bytes: Uint8Array,
  start: number,
  end: number,
  outputBytesMax: number,
): Uint8Array | string {
  let output = new Uint8Array(Math.min(outputBytesMax, 64 + 4 * (end - start)));
  let outputBytes = 0;
  let width = WIDTH_MIN;
  let high = END;
  let bits = 0;
  let bitCount = 0;
  let at = start;
  let lastStart = 0;
  let lastBytes = 0;
  for (;;) {
    while (bitCount < width) {
      if (at >= end) return 'unexpected EOF';
      bits |= bytes[at++]! << bitCount;
      bitCount += 8;
    }
    const code = bits & ((1 << width) - 1);
    bits >>>= width;
    bitCount -= width;
    if (code === END) return output.subarray(0, outputBytes);
    if (code === CLEAR) {
      width = WIDTH_MIN;
      high = END;
      lastBytes = 0;
      continue;
    }
    if (code > high) return 'lzw: invalid code';
    // the entry made now is the last one's bytes and the first byte of this one's
    if (lastBytes > 0) {
      entryStart[high] = lastStart;
      entryBytes[high] = lastBytes + 1;
    }
    const codeBytes = code < CLEAR ? 1 : entryBytes[code]!;
    if (codeBytes > output.length - outputBytes) {
      if (codeBytes > outputBytesMax - outputBytes) {
        return `decompressed message is larger than limit (${outputBytesMax})`;
      }
      const grown = Math.max(outputBytes + codeBytes, 2 * output.length);
      const larger = new Uint8Array(Math.min(outputBytesMax, grown));
      larger.set(output);
      output = larger;
    }
    lastStart = outputBytes;
    lastBytes = codeBytes;
    if (code < CLEAR) {
      output[outputBytes++] = code;
    } else {
      const from = entryStart[code]!;
      for (let i = 0; i < codeBytes; i++) output[outputBytes++] = output[from + i]!;
    }
    high++;
    if (high === 1 << width) {
      if (width === WIDTH_MAX) {
        lastBytes = 0;
        high--;
      } else {
        width++;
      }
    }
  }
}
