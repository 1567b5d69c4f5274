/**
 * The bytes of a frame below its line: hexadecimal (`-x`), with ASCII beside it (`-X`), or ASCII
 * alone (`-A`). Mirrors tcpdump's print-ascii.c.
 */
import { ETHERNET_HEADER_BYTES } from '../../../wire/ethernet.ts';

const PER_LINE = 16;

/** What is dumped: nothing, or one of the forms; `hasLink` takes the Ethernet header too. */
export interface DumpFormat {
  readonly form: 'none' | 'hex' | 'hex and ascii' | 'ascii';
  readonly hasLink: boolean;
}

/** The form that `-x`, `-X` and `-A` ask for, given once or (with the link header) twice. */
export function dumpFormatOf(letters: readonly string[]): DumpFormat {
  const timesOf = (letter: string) => letters.filter((each) => each === letter).length;
  const forms = [
    ['A', 'ascii'],
    ['X', 'hex and ascii'],
    ['x', 'hex'],
  ] as const;
  const chosen = forms.find(([letter]) => timesOf(letter) > 0);
  if (chosen === undefined) return { form: 'none', hasLink: false };
  return { form: chosen[1], hasLink: timesOf(chosen[0]) > 1 };
}

/** What is printed between a frame's line and its line end. */
export function dumpText(
  { form, hasLink }: DumpFormat,
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  if (form === 'none') return '';
  const shown = bytes.subarray(hasLink ? start : start + ETHERNET_HEADER_BYTES, end);
  if (form === 'ascii') return `\n${asciiText(shown)}`;
  let text = '';
  for (let at = 0; at < shown.length; at += PER_LINE) {
    const line = shown.subarray(at, at + PER_LINE);
    const offset = at.toString(16).padStart(4, '0');
    const pairs = pairsText(line);
    const beside = form === 'hex' ? pairs : `${pairs.padEnd(40)}  ${graphText(line)}`;
    text += `\n\t0x${offset}: ${beside}`;
  }
  return text;
}

/** ` 4500 003c`, a blank before each pair. */
function pairsText(line: Uint8Array): string {
  const octets = Array.from(line, (octet) => octet.toString(16).padStart(2, '0'));
  return octets.map((octet, i) => (i % 2 === 0 ? ` ${octet}` : octet)).join('');
}

function isGraph(octet: number): boolean {
  return octet > 0x20 && octet < 0x7f;
}

function graphText(line: Uint8Array): string {
  return Array.from(line, (octet) => (isGraph(octet) ? String.fromCharCode(octet) : '.')).join('');
}

/** Line ends and blanks as they are; a carriage return before a line end is left out. */
function asciiText(shown: Uint8Array): string {
  let text = '';
  for (let i = 0; i < shown.length; i++) {
    const octet = shown[i]!;
    if (octet === 0x0d && shown[i + 1] === 0x0a) continue;
    const isKept = isGraph(octet) || octet === 0x20 || octet === 0x09 || octet === 0x0a;
    text += isKept ? String.fromCharCode(octet) : '.';
  }
  return text;
}
