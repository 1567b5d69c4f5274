/**
 * `ip xfrm state` and `ip xfrm policy` as iproute2 6.1 prints them, with `-s` or without.
 * Mirrors iproute2 ip/ipxfrm.c; instants are virtual, from 1970 on.
 */
import { toHex } from '../../wire/bytes.ts';
import { addressBits, formatIp, isIpv6Address } from '../../wire/ip-address.ts';
import type { Namespace } from '../namespace.ts';
import { protocolName } from '../netfilter/protocols.ts';
import type { Association, Policy } from '../xfrm/xfrm.ts';

const LIMITS =
  '\tlifetime config:\n' +
  '\t  limit: soft (INF)(bytes), hard (INF)(bytes)\n' +
  '\t  limit: soft (INF)(packets), hard (INF)(packets)\n' +
  '\t  expire add: soft 0(sec), hard 0(sec)\n' +
  '\t  expire use: soft 0(sec), hard 0(sec)\n' +
  '\tlifetime current:\n';

/** What `-s` asks for. */
export interface XfrmOptions {
  readonly hasStatistics?: boolean;
}

/** `ip [-s] xfrm state`. */
export function xfrmStateText({ xfrm }: Namespace, options: XfrmOptions = {}): string {
  const isLong = options.hasStatistics === true;
  return (xfrm?.associations ?? []).map((one) => stateText(one, isLong)).join('');
}

/** `ip [-s] xfrm policy`. */
export function xfrmPolicyText({ xfrm }: Namespace, options: XfrmOptions = {}): string {
  const isLong = options.hasStatistics === true;
  return (xfrm?.policies ?? []).map((one) => policyText(one, isLong)).join('');
}

function stateText(association: Association, isLong: boolean): string {
  const { source, destination, spi, requestId, key, salt, sequence, failedCount } = association;
  const secret = `${toHex(key)}${hex(salt, 8)}`;
  const flag = isLong ? 'seq 0x00000000 flag  (0x00000000)' : '';
  const size = isLong ? ' (160 bits)' : '';
  const any = isIpv6Address(source) ? '::/0' : '0.0.0.0/0';
  const selector = `\tsel src ${any} dst ${any} ${isLong ? 'uid 0' : ''}\n`;
  return (
    `src ${formatIp(source)} dst ${formatIp(destination)}\n` +
    `\tproto esp ${spiText(spi, isLong)} ${requestText(requestId, isLong)} mode transport\n` +
    `\treplay-window 0 ${flag}\n` +
    `\taead rfc4106(gcm(aes)) 0x${secret}${size} 64\n` +
    `\tanti-replay context: seq 0x0, oseq 0x${sequence.toString(16)}, bitmap 0x00000000\n` +
    selector +
    (isLong
      ? `${LIMITS}${usageText(association)}\tstats:\n\t  replay-window 0 replay 0 failed ${failedCount}\n`
      : '')
  );
}

function policyText(policy: Policy, isLong: boolean): string {
  const { source, destination, protocol, destinationPort, mark, spi, requestId, index } = policy;
  const [from, to] = [formatIp(source), formatIp(destination)];
  const bits = addressBits(source);
  const selector = `src ${from}/${bits} dst ${to}/${bits} proto ${protocolName(protocol)} dport ${destinationPort}`;
  const number = `action allow index ${index} priority 0 ptype main share any flag  (0x00000000)`;
  const head = isLong
    ? `${selector} uid 0\n\tdir out ${number}\n`
    : `${selector} \n\tdir out priority 0 ptype main \n`;
  // the kernel notes when a policy was used, and not how often
  const { addedAtNs, usedAtNs } = policy;
  const usage = { bytes: 0, packets: 0, addedAtNs, usedAtNs };
  const template = isLong
    ? '\t\tlevel required share any \n\t\tenc-mask ffffffff auth-mask ffffffff comp-mask ffffffff\n'
    : '';
  return (
    head +
    (isLong ? `${LIMITS}${usageText(usage)}` : '') +
    `\tmark 0x${mark.toString(16)}/0xffffffff \n` +
    `\ttmpl src ${from} dst ${to}\n` +
    `\t\tproto esp ${spiText(spi, isLong)} ${requestText(requestId, isLong)} mode transport\n` +
    template
  );
}

function usageText(
  usage: Pick<Association, 'bytes' | 'packets' | 'addedAtNs' | 'usedAtNs'>,
): string {
  const { bytes, packets, addedAtNs, usedAtNs } = usage;
  const used = usedAtNs === 0 ? '-' : dateText(usedAtNs);
  return `\t  ${bytes}(bytes), ${packets}(packets)\n\t  add ${dateText(addedAtNs)} use ${used}\n`;
}

function dateText(atNs: number): string {
  const seconds = Math.floor(atNs / 1_000_000_000);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const clock = `${two((seconds / 3600) % 24)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
  return `1970-01-${two(1 + seconds / 86_400)} ${clock}`;
}

function spiText(spi: number, isLong: boolean): string {
  return `spi 0x${hex(spi, 8)}${isLong ? `(${spi})` : ''}`;
}

function requestText(requestId: number, isLong: boolean): string {
  return `reqid ${requestId}${isLong ? `(0x${hex(requestId, 8)})` : ''}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
