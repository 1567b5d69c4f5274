/**
 * Test support: frames of a real Docker Engine from testdata/docker-frames.txt, by title.
 *
 * The file holds a title, lines of hexadecimal digits, and a blank line between frames.
 */
import { readFileSync } from 'node:fs';

const text = readFileSync(new URL('../testdata/docker-frames.txt', import.meta.url), 'utf8');

const frames = new Map<string, Uint8Array>();
for (const block of text.split('\n\n').slice(1)) {
  const [title, ...lines] = block.trim().split('\n');
  frames.set(title!, bytesOfHex(lines.join('')));
}

/** The bytes of hexadecimal digits; blanks are allowed. */
export function bytesOfHex(hex: string): Uint8Array {
  const digits = hex.replaceAll(/\s/g, '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16),
  );
}

/** A copy of the frame with this title; an unknown title is an error. */
export function frameOf(title: string): Uint8Array {
  const frame = frames.get(title);
  if (frame === undefined) throw new Error(`no frame ${title} in docker-frames.txt`);
  return frame.slice();
}

/** Every frame with its title. */
export function allFrames(): [string, Uint8Array][] {
  return [...frames].map(([title, bytes]) => [title, bytes.slice()]);
}
