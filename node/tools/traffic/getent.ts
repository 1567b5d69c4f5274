/**
 * `getent` of glibc 2.36: names and addresses as programs get them (`hosts`, `ahosts`), and services.
 */
import { portOfService, serviceOfPort } from '../../../net/services.ts';
import { formatIp, parseIp } from '../../../wire/ip-address.ts';
import { addressOfName, nameOfAddress } from '../names.ts';
import type { Process } from '../process.ts';

const HINT = "Try `getent --help' or `getent --usage' for more information.\n";
/** Exit status for a key that is not there. */
const NOT_FOUND = 2;
/** Columns of an address. */
const ADDRESS_COLUMNS = 15;

/** `getent hosts|ahosts|ahostsv4|ahostsv6|services KEY…`. */
export function getent(process: Process, argv: readonly string[]): void {
  const [database, ...keys] = argv;
  if (database === undefined) {
    process.fail(1, `getent: wrong number of arguments\n${HINT}`);
    return;
  }
  const look = DATABASES[database];
  if (look === undefined) {
    process.fail(1, `Unknown database: ${database}\n${HINT}`);
    return;
  }
  let status = 0;
  const next = (at: number) => {
    const key = keys[at];
    if (key === undefined) {
      process.exit(status);
      return;
    }
    look(process, key, (text) => {
      if (text === undefined) status = NOT_FOUND;
      else process.print(text);
      next(at + 1);
    });
  };
  next(0);
}

type Look = (process: Process, key: string, onAnswer: (text: string | undefined) => void) => void;

const DATABASES: Readonly<Record<string, Look>> = {
  hosts,
  ahosts: (process, key, onAnswer) => sockets(process, key, onAnswer, undefined),
  ahostsv4: (process, key, onAnswer) => sockets(process, key, onAnswer, 'ipv4'),
  ahostsv6: (process, key, onAnswer) => sockets(process, key, onAnswer, 'ipv6'),
  services: (_, key, onAnswer) => onAnswer(service(key)),
};

/** IPv6 first, as `gethostbyname2` is asked; an address by its name. */
function hosts(process: Process, key: string, onAnswer: (text: string | undefined) => void): void {
  const line = (address: number, name: string) =>
    `${formatIp(address).padEnd(ADDRESS_COLUMNS)} ${name}\n`;
  const literal = parseIp(key);
  if (literal !== undefined) {
    nameOfAddress(process, literal, (name) =>
      onAnswer(name === undefined ? undefined : line(literal, name)),
    );
    return;
  }
  const take = (address: number | undefined) =>
    onAnswer(address === undefined ? undefined : line(address, key));
  const askIpv4 = () => addressOfName(process, key, take, 'ipv4');
  addressOfName(process, key, (six) => (six === undefined ? askIpv4() : take(six)), 'ipv6');
}

/** A line for each kind of socket. */
function sockets(
  process: Process,
  key: string,
  onAnswer: (text: string | undefined) => void,
  family: 'ipv4' | 'ipv6' | undefined,
): void {
  addressOfName(
    process,
    key,
    (address) => {
      if (address === undefined) {
        onAnswer(undefined);
        return;
      }
      const text = formatIp(address).padEnd(ADDRESS_COLUMNS);
      onAnswer(`${text} STREAM ${key}\n${text} DGRAM  \n${text} RAW    \n`);
    },
    family,
  );
}

/** `http`, `53/udp`. */
function service(key: string): string | undefined {
  const [text = '', protocol = 'tcp'] = key.split('/');
  const port = /^\d+$/.test(text) ? Number(text) : portOfService(text, protocol);
  const name = port === undefined ? undefined : serviceOfPort(port, protocol);
  return name === undefined ? undefined : `${name.padEnd(21)} ${port}/${protocol}\n`;
}
