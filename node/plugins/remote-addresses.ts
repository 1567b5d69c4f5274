/**
 * The addresses of one network that a remote address manager gives out: its pool, its gateway, and
 * what nobody gets (libnetwork `network.ipamAllocate`, `network.requestPoolHelper`).
 */
import type { Steps } from '../../sim/steps.ts';
import {
  formatIpv4Address,
  type Ipv4Address,
  type Prefix,
  parsePrefix,
  prefixContains,
  prefixesOverlap,
} from '../../wire/addresses.ts';
import { failure, forbidden, invalid, notFound, Refusal } from '../daemon/refusal.ts';
import type { IpamConfig } from '../daemon/requests.ts';
import type { EngineVersion } from '../engine-version.ts';
import type { RemoteIpam, RemotePool } from './ipam-driver.ts';
import { PluginError } from './plugin-client.ts';

/** How libnetwork marks a request for the gateway's address, and the gateway in a pool's data. */
const GATEWAY_LABEL = 'com.docker.network.gateway';
const REQUEST_TYPE_LABEL = 'RequestAddressType';
const MAC_LABEL = 'com.docker.network.endpoint.macaddress';
/** The first version whose user's gateway goes before the pool's. */
const PREFERS_ASKED_MAJOR = 28;

/** What a network asks for. */
export interface AddressWishes {
  readonly config: IpamConfig | undefined;
  readonly options: ReadonlyMap<string, string>;
  readonly isGlobal: boolean;
  /** The driver has no use for a gateway. */
  readonly skipsGateway: boolean;
  /** What a pool must not overlap that nobody has chosen. */
  readonly used: readonly Prefix[];
}

/** A network's addresses at a remote address manager. */
export class RemoteAddresses {
  readonly addressSpace: string;
  readonly subnet: Prefix;
  readonly gateway: Prefix | undefined;
  readonly auxiliary: ReadonlyMap<string, Prefix>;
  readonly #wishes: AddressWishes;
  #ipam: RemoteIpam;
  #poolId: string;

  private constructor(
    ipam: RemoteIpam,
    addressSpace: string,
    pool: RemotePool,
    gateway: Prefix | undefined,
    auxiliary: ReadonlyMap<string, Prefix>,
    wishes: AddressWishes,
  ) {
    this.#ipam = ipam;
    this.#wishes = wishes;
    this.addressSpace = addressSpace;
    this.subnet = pool.subnet;
    this.gateway = gateway;
    this.auxiliary = auxiliary;
    this.#poolId = pool.id;
  }

  /** Asks for a pool with its gateway and what else is wished for; takes it back when that fails. */
  static *allocate(
    ipam: RemoteIpam,
    wishes: AddressWishes,
    engine: EngineVersion,
  ): Steps<RemoteAddresses | Refusal> {
    const spaces = yield* ipam.addressSpaces();
    if (spaces instanceof PluginError) {
      return notFound(`failed to get default address space: ${spaces.message}`);
    }
    const addressSpace = wishes.isGlobal ? spaces.global : spaces.local;
    const pool = yield* requestPool(ipam, addressSpace, wishes);
    if (pool instanceof PluginError) return failure(pool.message);
    const gateway = yield* requestGateway(ipam, pool, wishes, engine);
    if (gateway instanceof Refusal) {
      yield* ipam.releasePool(pool.id);
      return gateway;
    }
    const auxiliary = yield* requestAuxiliary(ipam, pool, wishes);
    if (auxiliary instanceof Refusal) {
      yield* ipam.releasePool(pool.id);
      return auxiliary;
    }
    return new RemoteAddresses(ipam, addressSpace, pool, gateway, auxiliary, wishes);
  }

  /** The address manager. */
  get ipam(): RemoteIpam {
    return this.#ipam;
  }

  /**
   * dockerd has started again and greeted the address manager as `ipam`: one that wants to is asked
   * once more for the pool, the gateway and what nobody gets (`reservePools`). Why it has refused.
   */
  *replay(ipam: RemoteIpam, engine: EngineVersion): Steps<string> {
    this.#ipam = ipam;
    if (!ipam.needsReplay) return '';
    const { subnet, gateway, addressSpace } = this;
    const config = { ...this.#wishes.config, subnet, ...(gateway && { gateway: gateway.address }) };
    const wishes = { ...this.#wishes, config };
    const pool = yield* requestPool(ipam, addressSpace, wishes);
    if (pool instanceof PluginError) return pool.message;
    const own = yield* requestGateway(ipam, pool, wishes, engine);
    const refusal = own instanceof Refusal ? own : yield* requestAuxiliary(ipam, pool, wishes);
    if (refusal instanceof Refusal) {
      yield* ipam.releasePool(pool.id);
      return refusal.message;
    }
    this.#poolId = pool.id;
    return '';
  }

  /** An address for an endpoint, the wanted one or any; `macText` for who wants to know it. */
  *request(wanted: Ipv4Address | undefined, macText: string | undefined): Steps<Prefix | Refusal> {
    if (wanted !== undefined && !prefixContains(this.subnet, wanted)) {
      const text = formatIpv4Address(wanted);
      return invalid(
        `Invalid address ${text}: It does not belong to any of this network's subnets`,
      );
    }
    const options = macText === undefined ? null : { [MAC_LABEL]: macText };
    const address = yield* this.#ipam.requestAddress(this.#poolId, wanted, options);
    return address instanceof PluginError ? failure(address.message) : address;
  }

  /** Gives an endpoint's address back; nobody hears when that fails. */
  *release(address: Ipv4Address): Steps<void> {
    yield* this.#ipam.releaseAddress(this.#poolId, address);
  }

  /** Gives everything back, as a network that is removed does. */
  *releaseAll(): Steps<void> {
    if (this.gateway !== undefined) yield* this.release(this.gateway.address);
    for (const { address } of this.auxiliary.values()) yield* this.release(address);
    yield* this.#ipam.releasePool(this.#poolId);
  }
}

/**
 * A pool that overlaps nothing of the host, if nobody has chosen one; those that do are held until
 * one is found, so that the plugin comes up with another.
 */
function* requestPool(
  ipam: RemoteIpam,
  addressSpace: string,
  { config, options, isGlobal, used }: AddressWishes,
): Steps<RemotePool | PluginError> {
  const held: RemotePool[] = [];
  const { subnet, range } = config ?? {};
  for (;;) {
    const pool = yield* ipam.requestPool({ addressSpace, subnet, range, options });
    const isGood =
      pool instanceof PluginError ||
      subnet !== undefined ||
      isGlobal ||
      pool.subnet.lengthBits === 0 ||
      !used.some((prefix) => prefixesOverlap(prefix, pool.subnet));
    if (!isGood) {
      held.push(pool);
      continue;
    }
    for (const { id } of held) yield* ipam.releasePool(id);
    return pool;
  }
}

function* requestGateway(
  ipam: RemoteIpam,
  pool: RemotePool,
  { config, skipsGateway }: AddressWishes,
  engine: EngineVersion,
): Steps<Prefix | undefined | Refusal> {
  const text = pool.data[GATEWAY_LABEL];
  const asked = config?.gateway;
  const isWanted = asked === undefined || engine.major < PREFERS_ASKED_MAJOR;
  let given: Prefix | undefined;
  if (typeof text === 'string' && isWanted) {
    given = parsePrefix(text);
    if (given === undefined) {
      const why = `invalid CIDR address: ${text}`;
      return invalid(`failed to parse gateway address (${text}) returned by ipam driver: ${why}`);
    }
  }
  if (asked === undefined && (given !== undefined || skipsGateway)) return given;
  const options = { [REQUEST_TYPE_LABEL]: GATEWAY_LABEL };
  const address = yield* ipam.requestAddress(pool.id, asked, options);
  if (!(address instanceof PluginError)) return address;
  const shown = asked === undefined ? '' : formatIpv4Address(asked);
  return failure(`failed to allocate gateway (${shown}): ${address.message}`);
}

function* requestAuxiliary(
  ipam: RemoteIpam,
  pool: RemotePool,
  { config }: AddressWishes,
): Steps<Map<string, Prefix> | Refusal> {
  const auxiliary = new Map<string, Prefix>();
  for (const [name, address] of config?.auxiliary ?? []) {
    const text = formatIpv4Address(address);
    if (!prefixContains(pool.subnet, address)) {
      return forbidden(`auxiliary address: (${name}:${text}) must belong to the master pool`);
    }
    const reserved = yield* ipam.requestAddress(pool.id, address, null);
    if (reserved instanceof PluginError) {
      const what = `secondary ip address (${name}:${text})`;
      return failure(`failed to allocate ${what}: ${reserved.message}`);
    }
    auxiliary.set(name, reserved);
  }
  return auxiliary;
}
