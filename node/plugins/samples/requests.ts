/**
 * What plugins read out of libnetwork's requests.
 */
import {
  type Ipv4Address,
  type Prefix,
  parseIpv4Address,
  parsePrefix,
} from '../../../wire/addresses.ts';
import { fieldOf, objectField, textField } from '../../../wire/go-json.ts';

/** The user's options of CreateNetwork (`-o`). */
export function userOptionOf(request: Record<string, unknown>, name: string): string {
  const options = objectField(request, 'Options') ?? {};
  return textField(objectField(options, 'com.docker.network.generic') ?? {}, name);
}

/** An option of RequestPool (`--ipam-opt`). */
export function ipamOptionOf(request: Record<string, unknown>, name: string): string {
  return textField(objectField(request, 'Options') ?? {}, name);
}

/** The first IPv4 pool of CreateNetwork. */
export function poolOf(request: Record<string, unknown>): Prefix | undefined {
  const list = fieldOf(request, 'IPv4Data');
  const [first] = Array.isArray(list) ? (list as Record<string, unknown>[]) : [];
  return first === undefined ? undefined : parsePrefix(textField(first, 'Pool'));
}

/** The interface of CreateEndpoint as far as the engine has decided it. */
export function interfaceOf(request: Record<string, unknown>): {
  readonly address: Prefix | undefined;
  readonly mac: string;
} {
  const said = objectField(request, 'Interface') ?? {};
  return { address: parsePrefix(textField(said, 'Address')), mac: textField(said, 'MacAddress') };
}

/** The address that RequestAddress asks for; `undefined` for any. */
export function wantedAddressOf(request: Record<string, unknown>): Ipv4Address | undefined {
  return parseIpv4Address(textField(request, 'Address'));
}

/** True for a request of a gateway's address. */
export function isForGateway(request: Record<string, unknown>): boolean {
  const options = objectField(request, 'Options') ?? {};
  return textField(options, 'RequestAddressType') === 'com.docker.network.gateway';
}
