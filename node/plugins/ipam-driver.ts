/**
 * An address manager that is another process: libnetwork's calls as messages to a plugin
 * (libnetwork `ipams/remote/remote.go`, `ipams/remote/api/api.go`).
 */
import type { Steps } from '../../sim/steps.ts';
import {
  formatIpv4Address,
  formatPrefix,
  type Ipv4Address,
  type Prefix,
  parsePrefix,
} from '../../wire/addresses.ts';
import { fieldOf, objectField, textField } from '../../wire/go-json.ts';
import type { EngineVersion } from '../engine-version.ts';
import { type PluginClient, PluginError } from './plugin-client.ts';

/** A pool that a plugin has given. */
export interface RemotePool {
  readonly id: string;
  readonly subnet: Prefix;
  /** What the plugin says beside it, by libnetwork's labels. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** What is asked of a plugin. */
export interface PoolRequest {
  readonly addressSpace: string;
  readonly subnet: Prefix | undefined;
  readonly range: Prefix | undefined;
  readonly options: ReadonlyMap<string, string>;
}

/** The names of a manager's address spaces: for one host's networks, and for a swarm's. */
export interface AddressSpaces {
  readonly local: string;
  readonly global: string;
}

/** Up to this version the address spaces are asked for once, when a plugin is registered. */
const SPACES_ONCE_MAJOR = 23;
/** From this one on they are asked for before each pool, once more. */
const SPACES_TWICE_MAJOR = 27;

/** One remote address manager. */
export class RemoteIpam {
  readonly name: string;
  /** It wants to know the MAC address of an interface before it gives an address. */
  needsMac = false;
  /** It wants to hear again, after a restart of dockerd, what it has been asked for. */
  needsReplay = false;
  readonly #client: PluginClient;
  readonly #engine: EngineVersion;
  #spaces: AddressSpaces | undefined;

  constructor(client: PluginClient, engine: EngineVersion) {
    this.name = client.name;
    this.#client = client;
    this.#engine = engine;
  }

  /**
   * Asks what it can do; a plugin that does not know the question can do nothing special. Why it
   * cannot be registered.
   */
  *negotiate(): Steps<PluginError | undefined> {
    const answer = yield* this.#call('GetCapabilities');
    const isSaid = (name: string) =>
      !(answer instanceof PluginError) && fieldOf(answer, name) === true;
    this.needsMac = isSaid('RequiresMACAddress');
    this.needsReplay = isSaid('RequiresRequestReplay');
    if (this.#engine.major > SPACES_ONCE_MAJOR) return undefined;
    const spaces = yield* this.addressSpaces();
    if (spaces instanceof PluginError) return spaces;
    this.#spaces = spaces;
    return undefined;
  }

  /** `GetDefaultAddressSpaces` */
  *addressSpaces(): Steps<AddressSpaces | PluginError> {
    if (this.#spaces !== undefined) return this.#spaces;
    const answer = yield* this.#call('GetDefaultAddressSpaces');
    if (answer instanceof PluginError) return answer;
    return {
      local: textField(answer, 'LocalDefaultAddressSpace'),
      global: textField(answer, 'GlobalDefaultAddressSpace'),
    };
  }

  /** `RequestPool` */
  *requestPool(request: PoolRequest): Steps<RemotePool | PluginError> {
    const { addressSpace, subnet, range, options } = request;
    if (this.#engine.major >= SPACES_TWICE_MAJOR) {
      const spaces = yield* this.addressSpaces();
      if (spaces instanceof PluginError) return spaces;
    }
    const answer = yield* this.#call('RequestPool', {
      AddressSpace: addressSpace,
      Pool: subnet === undefined ? '' : formatPrefix(subnet),
      SubPool: range === undefined ? '' : formatPrefix(range),
      Options: Object.fromEntries([...options].sort(([a], [b]) => (a < b ? -1 : 1))),
      V6: false,
    });
    if (answer instanceof PluginError) return answer;
    const text = textField(answer, 'Pool');
    const given = parsePrefix(text);
    if (given === undefined) return new PluginError(`invalid CIDR address: ${text}`);
    const id = textField(answer, 'PoolID');
    return { id, subnet: given, data: objectField(answer, 'Data') ?? {} };
  }

  /** `ReleasePool` */
  *releasePool(poolId: string): Steps<PluginError | undefined> {
    const answer = yield* this.#call('ReleasePool', { PoolID: poolId });
    return answer instanceof PluginError ? answer : undefined;
  }

  /** `RequestAddress`; the wanted one, or any. */
  *requestAddress(
    poolId: string,
    wanted: Ipv4Address | undefined,
    options: Readonly<Record<string, string>> | null,
  ): Steps<Prefix | PluginError> {
    const answer = yield* this.#call('RequestAddress', {
      PoolID: poolId,
      Address: wanted === undefined ? '' : formatIpv4Address(wanted),
      Options: options,
    });
    if (answer instanceof PluginError) return answer;
    const text = textField(answer, 'Address');
    if (text === '') return new PluginError('no address returned');
    return parsePrefix(text) ?? new PluginError(`invalid CIDR address: ${text}`);
  }

  /** `ReleaseAddress` */
  *releaseAddress(poolId: string, address: Ipv4Address): Steps<PluginError | undefined> {
    const body = { PoolID: poolId, Address: formatIpv4Address(address) };
    const answer = yield* this.#call('ReleaseAddress', body);
    return answer instanceof PluginError ? answer : undefined;
  }

  *#call(method: string, body?: object): Steps<Record<string, unknown> | PluginError> {
    const answer = yield* this.#client.call(`IpamDriver.${method}`, body);
    if (answer instanceof PluginError) return answer;
    const error = textField(answer, 'Error');
    return error === '' ? answer : new PluginError(`remote: ${error}`);
  }
}
