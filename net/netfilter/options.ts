/**
 * Pieces of option parsing that extensions have in common.
 *
 * Error texts are those of libxtables' option parser (`xtoptions.c`); a parser returns a string where
 * it fails.
 */
import { parseIpv4Address, prefixMask } from '../../wire/addresses.ts';
import { type IpPrefix, isIpv6Address, maskedIp, parseIp } from '../../wire/ip-address.ts';
import { hexText, parsePort, parseUnsigned32 } from './protocols.ts';

/** `ENOENT` and `ERANGE` as iptables words them. */
export const NO_SUCH_NAME = 'No chain/target/match by that name.';
/** See {@link NO_SUCH_NAME}. */
export const OUT_OF_RANGE = 'Numerical result out of range.';

/** The text for an option that must be there. */
export function mustBeSpecified(extension: string, option: string): string {
  return `${extension}: option "${option}" must be specified\n`;
}

/** The text for an option given twice. */
export function onlyOnce(extension: string, option: string): string {
  return `${extension}: option "${option}" can only be used once.\n`;
}

/** The text for `!` before an option that knows no negation. */
export function cannotBeInverted(extension: string, option: string): string {
  return `${extension}: option "${option}" cannot be inverted.\n`;
}

/** The text for a number that is none or too large. */
export function badInteger(extension: string, option: string): string {
  return `${extension}: bad integer value for option "${option}", or out of range.\n`;
}

/** The text for a number outside [min, max]. */
export function outOfRange(extension: string, option: string, min: number, max: number): string {
  return `${extension}: bad value for option "${option}", or out of range (${min}-${max}).\n`;
}

/** The text for one end of a range outside [0, max]. */
export function badEnd(
  extension: string,
  option: string,
  text: string,
  max: number | bigint = 65_535,
): string {
  return `${extension}: bad value for option "${option}" near "${text}", or out of range (0-${max}).\n`;
}

/** The text for an empty argument where there must be a character. */
export const TOO_SHORT = 'Argument must have a minimum length of 1 characters\n';

/** Parses `1`, `1:5`, `:5`, `1:` in [0, 2^32); a string is an error text. */
export function parseRange32(
  extension: string,
  option: string,
  text: string,
): { readonly min: number; readonly max: number } | string {
  const parts = text.split(':');
  const [first = '', second = first] = parts;
  const isOpen = parts.length > 1;
  const min = isOpen && first === '' ? 0 : parseUnsigned32(first);
  if (min === undefined) return badEnd(extension, option, first, 0xffff_ffff);
  const max = isOpen && second === '' ? 0xffff_ffff : parseUnsigned32(second);
  if (max === undefined) return badEnd(extension, option, second, 0xffff_ffff);
  return { min, max };
}

/** The text for two options of which only one may be there. */
export function cannotBeUsedWith(extension: string, option: string, other: string): string {
  return `${extension}: option "${option}" cannot be used together with "${other}".\n`;
}

/** A number from 0 to 255; undefined when it is none. */
export function parseByte(text: string): number | undefined {
  const number = parseUnsigned32(text);
  return number !== undefined && number <= 255 ? number : undefined;
}

/** An inclusive range of ports. */
export interface PortRange {
  readonly min: number;
  readonly max: number;
}

/** Parses `80`, `80:90`, `:90`, `80:`; a string is iptables' error text. */
export function parsePortRange(text: string, protocol = 'any'): PortRange | string {
  const colon = text.indexOf(':');
  const first = colon < 0 ? text : text.slice(0, colon);
  const second = colon < 0 ? text : text.slice(colon + 1);
  const min = first === '' && colon >= 0 ? 0 : parsePort(first, protocol);
  if (min === undefined) return `invalid port/service \`${first}' specified`;
  const max = second === '' && colon >= 0 ? 65_535 : parsePort(second, protocol);
  if (max === undefined) return `invalid port/service \`${second}' specified`;
  return min > max ? 'invalid portrange (min > max)' : { min, max };
}

/** `80` or `80:90`, or with names in place of the numbers. */
export function portRangeText(
  { min, max }: PortRange,
  name: (port: number) => string = String,
): string {
  return min === max ? name(min) : `${name(min)}:${name(max)}`;
}

/** A value and a mask, each unsigned 32-bit. */
export interface MaskedValue {
  readonly value: number;
  readonly mask: number;
}

/** Parses `0x1` or `0x1/0xff`; undefined when it is neither. */
export function parseMaskedValue(text: string): MaskedValue | undefined {
  const slash = text.indexOf('/');
  const value = parseUnsigned32(slash < 0 ? text : text.slice(0, slash));
  const mask = slash < 0 ? 0xffff_ffff : parseUnsigned32(text.slice(slash + 1));
  return value === undefined || mask === undefined ? undefined : { value, mask };
}

/** `0x1`, or `0x1/0xff` when the mask is not all ones. */
export function maskedValueText({ value, mask }: MaskedValue): string {
  return mask >>> 0 === 0xffff_ffff ? hexText(value) : `${hexText(value)}/${hexText(mask)}`;
}

/** An address and a mask. */
export interface MaskedAddress {
  readonly address: number;
  readonly mask: number;
}

/** Parses `10.0.0.1`, `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `0/0`; a string is an error text. */
export function parseMaskedAddress(text: string): MaskedAddress | string {
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  let mask = 0xffff_ffff;
  if (slash >= 0) {
    const maskText = text.slice(slash + 1);
    const dotted = maskText.includes('.') ? parseIpv4Address(maskText) : undefined;
    if (dotted !== undefined) mask = dotted;
    else if (/^\d+$/.test(maskText) && Number(maskText) <= 32) mask = prefixMask(Number(maskText));
    else return `invalid mask \`${maskText}' specified`;
  }
  const missing = 4 - host.split('.').length;
  const isShort = missing > 0 && host !== '';
  const address = parseIpv4Address(isShort ? host + '.0'.repeat(missing) : withoutZeros(host));
  if (address === undefined) return `host/network \`${host}' not found`;
  return { address: (address & mask) >>> 0, mask: mask >>> 0 };
}

/** `1.2.3.04` without the zeros that nobody needs. */
function withoutZeros(text: string): string {
  return text.replace(/(?<![0-9])0+(?=[0-9])/g, '');
}

/** Parses `fd00::1`, `fd00::/64`, `::/0`; a string is an error text. */
export function parseIpv6Prefix(text: string): IpPrefix | string {
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  const length = slash < 0 ? '128' : text.slice(slash + 1);
  if (!/^\d+$/.test(length) || Number(length) > 128) return `invalid mask \`${length}' specified`;
  const address = parseIp(host);
  if (address === undefined || !isIpv6Address(address)) {
    return `host/network \`${host}' not found`;
  }
  return { address: maskedIp(address, Number(length)), lengthBits: Number(length) };
}

/** A word as `xtables_save_string` prints it: quoted and escaped where a shell would need it. */
export function quotedText(text: string): string {
  if (/^[A-Za-z0-9_-]+$/.test(text)) return ` ${text}`;
  return ` "${text.replace(/["\\']/g, '\\$&')}"`;
}
