/**
 * Addresses from a central database, as Infoblox' grid gives them: networks in views, which are
 * Docker's address spaces, with the next free network of a container and the next free address of a
 * network. Hosts that ask the same grid give out no address twice, whatever driver moves the packets.
 * After infoblox' `libnetwork` IPAM driver.
 */
import type { Steps } from '../../../sim/steps.ts';
import {
  broadcastOf,
  formatIpv4Address,
  formatPrefix,
  networkOf,
  type Prefix,
  parseIpv4Address,
  parsePrefix,
  prefixesOverlap,
} from '../../../wire/addresses.ts';
import { objectField, textField } from '../../../wire/go-json.ts';
import { AddressBook } from './address-book.ts';
import { type CentralAddress, CentralClient, type CentralFacts } from './central-service.ts';
import { ipamOptionOf, isForGateway } from './requests.ts';
import { type Answers, at, greeting, type PluginHost, type SamplePlugin } from './sample-plugin.ts';

const GRID_PORT = 443;
const GRID_DELAY_NS = 20_000_000;
const VIEW = 'default';
const CONTAINER = '192.168.0.0/16';
const PREFIX_LENGTH = 24;
/** The owner of a network's gateway address. */
const GATEWAY = 'gateway';

/** What a grid can be asked, whoever asks and however. */
class Grid {
  readonly #books = new Map<string, AddressBook>();
  /** How many Docker networks use each network. */
  readonly #users = new Map<string, number>();

  /** A network of a view: the wanted one, or the next free one of a container. */
  openNetwork(view: string, wanted: string, container: string, prefixLength: number): object {
    const subnet =
      wanted === '' ? this.#nextFree(view, container, prefixLength) : parsePrefix(wanted);
    if (subnet === undefined) return { Error: `cannot find a free network in ${container}` };
    const text = formatPrefix(subnet);
    const id = `${view}/${text}`;
    if (!this.#books.has(id)) this.#books.set(id, new AddressBook(subnet));
    this.#users.set(id, (this.#users.get(id) ?? 0) + 1);
    return { Id: id, Network: text };
  }

  /** Nobody uses a network any more that everybody has closed. */
  closeNetwork(id: string): object {
    const users = (this.#users.get(id) ?? 0) - 1;
    this.#users.set(id, users);
    if (users > 0) return {};
    this.#users.delete(id);
    this.#books.delete(id);
    return {};
  }

  /** An address of a network: the wanted one, or the next free one; the gateway is everybody's. */
  giveAddress(id: string, wantedText: string, owner: string): object {
    const book = this.#books.get(id);
    if (book === undefined) return { Error: `network ${id} not found` };
    const wanted = parseIpv4Address(wantedText);
    const first = networkOf(book.subnet) + 1;
    const isThere = owner === GATEWAY && book.ownerOf(wanted ?? first) === GATEWAY;
    const address = isThere ? (wanted ?? first) : book.take(owner, wanted);
    if (address !== undefined) {
      return { Address: `${formatIpv4Address(address)}/${book.subnet.lengthBits}` };
    }
    if (wanted === undefined)
      return { Error: `Cannot find 1 available IP address(es) in this network.` };
    const present = book.ownerOf(wanted);
    const why = present === undefined ? 'is not in the network' : `is already in use by ${present}`;
    return { Error: `IP address ${wantedText} ${why}` };
  }

  /** Takes an address back. */
  takeAddress(id: string, text: string): object {
    const book = this.#books.get(id);
    const address = parseIpv4Address(text) ?? 0;
    if (book?.ownerOf(address) !== GATEWAY) book?.release(address);
    return {};
  }

  #nextFree(view: string, containerText: string, lengthBits: number): Prefix | undefined {
    const container = parsePrefix(containerText);
    if (container === undefined || lengthBits < container.lengthBits) return undefined;
    const taken = [...this.#books]
      .filter(([id]) => id.startsWith(`${view}/`))
      .map(([, { subnet }]) => subnet);
    const last = broadcastOf(container);
    for (let address = networkOf(container); address <= last; address += 2 ** (32 - lengthBits)) {
      const subnet = { address, lengthBits };
      if (!taken.some((other) => prefixesOverlap(other, subnet))) return subnet;
    }
    return undefined;
  }
}

/** The grid as a service of one host. */
export function infobloxGrid(): CentralFacts {
  const grid = new Grid();
  return {
    port: GRID_PORT,
    delayNs: GRID_DELAY_NS,
    methods: {
      network: (request) => {
        const length = Number(textField(request, 'PrefixLength'));
        const container = textField(request, 'Container');
        const wanted = textField(request, 'Network');
        return grid.openNetwork(textField(request, 'View'), wanted, container, length);
      },
      close: (request) => grid.closeNetwork(textField(request, 'Id')),
      address: (request) => {
        const [id, wanted] = [textField(request, 'Id'), textField(request, 'Address')];
        return grid.giveAddress(id, wanted, textField(request, 'Owner'));
      },
      release: (request) =>
        grid.takeAddress(textField(request, 'Id'), textField(request, 'Address')),
    },
  };
}

/** How a driver reaches its grid. */
type AskGrid = (method: string, argument: object) => Steps<Record<string, unknown> | string>;

/** What the driver answers, whatever lies between it and the grid. */
export function infobloxAnswers(ask: AskGrid): Answers {
  const call = function* (method: string, argument: object): Steps<Record<string, unknown>> {
    const answer = yield* ask(method, argument);
    return typeof answer === 'string' ? { Error: answer } : answer;
  };
  return {
    'Plugin.Activate': greeting('IpamDriver'),
    'IpamDriver.GetCapabilities': at(() => ({ RequiresMACAddress: true })),
    'IpamDriver.GetDefaultAddressSpaces': at(() => ({
      LocalDefaultAddressSpace: VIEW,
      GlobalDefaultAddressSpace: VIEW,
    })),
    'IpamDriver.RequestPool': function* (request) {
      const length = ipamOptionOf(request, 'prefix-length');
      const container = ipamOptionOf(request, 'network-container');
      const answer = yield* call('network', {
        View: textField(request, 'AddressSpace'),
        Network: textField(request, 'Pool'),
        Container: container === '' ? CONTAINER : container,
        PrefixLength: length === '' ? `${PREFIX_LENGTH}` : length,
      });
      if ('Error' in answer) return answer;
      return { PoolID: textField(answer, 'Id'), Pool: textField(answer, 'Network'), Data: {} };
    },
    'IpamDriver.ReleasePool': (request) => call('close', { Id: textField(request, 'PoolID') }),
    'IpamDriver.RequestAddress': function* (request) {
      const options = objectField(request, 'Options') ?? {};
      const mac = textField(options, 'com.docker.network.endpoint.macaddress');
      const answer = yield* call('address', {
        Id: textField(request, 'PoolID'),
        Address: textField(request, 'Address'),
        Owner: isForGateway(request) ? GATEWAY : mac,
      });
      return 'Error' in answer ? answer : { Address: textField(answer, 'Address'), Data: {} };
    },
    'IpamDriver.ReleaseAddress': (request) =>
      call('release', {
        Id: textField(request, 'PoolID'),
        Address: textField(request, 'Address'),
      }),
  };
}

/** The driver on one host. */
export class Infoblox implements SamplePlugin {
  readonly sockets: Readonly<Record<string, Answers>>;

  constructor(host: PluginHost, grid: CentralAddress) {
    const client = new CentralClient(host.namespace, grid);
    this.sockets = {
      infoblox: infobloxAnswers((method, argument) => client.call(method, argument)),
    };
  }
}
