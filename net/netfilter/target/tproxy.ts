/**
 * The `TPROXY` target: gives a packet to a transparent socket of this host, wherever it was going.
 * No program here opens such a socket, so the packet is dropped, as the kernel drops it then.
 * Mirrors `extensions/libxt_TPROXY.c` and `net/netfilter/xt_TPROXY.c`.
 */
import { formatIpv4Address, parseIpv4Address } from '../../../wire/addresses.ts';
import { IpProtocol } from '../../../wire/ipv4.ts';
import { Outcome, type RuleHead, type Target, type TargetKind } from '../extension.ts';
import { Hook } from '../hook.ts';
import { badInteger, type MaskedValue, mustBeSpecified, parseMaskedValue } from '../options.ts';
import { hexText, parsePort } from '../protocols.ts';

class TproxyTarget implements Target {
  #port: number | undefined = undefined;
  #address = 0;
  #mark: MaskedValue = { value: 0, mask: 0 };

  option(name: string, text: string): string | undefined {
    if (name === '--on-port') {
      this.#port = parsePort(text);
      return this.#port === undefined ? badInteger('TPROXY', name) : undefined;
    }
    if (name === '--on-ip') {
      const address = parseIpv4Address(text);
      if (address === undefined) return `host/network \`${text}' not found`;
      this.#address = address;
      return undefined;
    }
    const mark = parseMaskedValue(text);
    if (mark === undefined) return badInteger('TPROXY', name);
    this.#mark = mark;
    return undefined;
  }

  finish(): string | undefined {
    return this.#port === undefined ? mustBeSpecified('TPROXY', '--on-port') : undefined;
  }

  isAllowed({ protocol, isProtocolNegated }: RuleHead): boolean {
    return (protocol === IpProtocol.tcp || protocol === IpProtocol.udp) && !isProtocolNegated;
  }

  run(): Outcome {
    return Outcome.drop;
  }

  save(): string {
    const { value, mask } = this.#mark;
    const where = `--on-port ${this.#port} --on-ip ${formatIpv4Address(this.#address)}`;
    return ` ${where} --tproxy-mark ${hexText(value)}/${hexText(mask)}`;
  }

  list(): string {
    const { value, mask } = this.#mark;
    const where = `${formatIpv4Address(this.#address)}:${this.#port}`;
    return ` TPROXY redirect ${where} mark ${hexText(value)}/${hexText(mask)}`;
  }
}

/** `-j TPROXY`. */
export const tproxyTarget: TargetKind = {
  name: 'TPROXY',
  family: 'ipv4',
  options: ['--on-port=', '--on-ip=', '--tproxy-mark='],
  tables: ['mangle'],
  hooks: [Hook.prerouting],
  create: () => new TproxyTarget(),
};
