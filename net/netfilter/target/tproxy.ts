/**
 * The `TPROXY` target: gives a packet to a transparent socket of this host, wherever it was going.
 * No program here opens such a socket, so the packet is dropped, as the kernel drops it then.
 * Mirrors `extensions/libxt_TPROXY.c` and `net/netfilter/xt_TPROXY.c`.
 */
import {
  ANY_IPV6,
  formatIp,
  type IpAddress,
  isIpv6Address,
  parseIp,
} from '../../../wire/ip-address.ts';
import { IpProtocol } from '../../../wire/ipv4.ts';
import {
  Outcome,
  type ParseEnvironment,
  type RuleHead,
  type Target,
  type TargetKind,
} from '../extension.ts';
import { Hook } from '../hook.ts';
import { badInteger, type MaskedValue, mustBeSpecified, parseMaskedValue } from '../options.ts';
import { hexText, parsePort } from '../protocols.ts';

class TproxyTarget implements Target {
  #port: number | undefined = undefined;
  #address: IpAddress;
  #mark: MaskedValue = { value: 0, mask: 0 };

  constructor({ family }: ParseEnvironment) {
    this.#address = family === 'ipv4' ? 0 : ANY_IPV6;
  }

  option(name: string, text: string): string | undefined {
    if (name === '--on-port') {
      this.#port = parsePort(text);
      return this.#port === undefined
        ? `Port "${text}" does not resolve to anything.\n`
        : undefined;
    }
    if (name === '--on-ip') {
      const address = parseIp(text);
      if (address === undefined || isIpv6Address(address) !== isIpv6Address(this.#address))
        return `host/network \`${text}' not found`;
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
    const where = `--on-port ${this.#port} --on-ip ${formatIp(this.#address)}`;
    return ` ${where} --tproxy-mark ${hexText(value)}/${hexText(mask)}`;
  }

  list(): string {
    const { value, mask } = this.#mark;
    const where = `${formatIp(this.#address)}:${this.#port}`;
    return ` TPROXY redirect ${where} mark ${hexText(value)}/${hexText(mask)}`;
  }
}

/** `-j TPROXY`. */
export const tproxyTarget: TargetKind = {
  name: 'TPROXY',
  options: ['--on-port=', '--on-ip=', '--tproxy-mark='],
  tables: ['mangle'],
  hooks: [Hook.prerouting],
  create: (environment) => new TproxyTarget(environment),
};
