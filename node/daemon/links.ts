/**
 * `--link` on the default bridge, the way of before there were names on networks: the linked
 * container's address in the linking one's `/etc/hosts` and environment, and, where containers may
 * not talk to each other, rules that let these two (moby `daemon/links`, `container_operations_unix.go`).
 *
 * A link goes one way: the linked container hears nothing of it.
 */
import { formatIpv4Address } from '../../wire/addresses.ts';
import type { HostsLine } from '../sandbox/container-files.ts';
import { invalid, notFound, type Refusal } from './refusal.ts';
import type { ContainerPort } from './requests.ts';
import type { StandaloneContainer } from './standalone-container.ts';

/** One link: the container that is linked, and under what name. */
export interface Link {
  readonly child: StandaloneContainer;
  readonly alias: string;
}

/** Reads `name:alias` (or `name`) against the containers that there are. */
export function linksOf(
  links: readonly string[],
  find: (reference: string) => StandaloneContainer | undefined,
): Link[] | Refusal {
  const result: Link[] = [];
  for (const link of links) {
    const [name = '', alias = name] = link.split(':');
    const child = find(name);
    if (child === undefined) {
      return notFound(`could not get container for ${name}: No such container: ${name}`);
    }
    result.push({ child, alias: alias.slice(alias.lastIndexOf('/') + 1) });
  }
  return result;
}

/** Why a container with these links cannot start; `undefined` when it can. */
export function linkRefusal(parent: string, links: readonly Link[]): Refusal | undefined {
  for (const { child, alias } of links) {
    if (!child.isRunning) {
      return invalid(
        `Cannot link to a non running container: /${child.name} AS /${parent}/${alias}`,
      );
    }
    if (child.attachments.get('bridge') === undefined) {
      return invalid(`Cannot link to /${child.name}, as it does not belong to the default network`);
    }
  }
  return undefined;
}

/** The address of a linked container on the default bridge; empty while it does not run. */
function linkedAddressOf({ child }: Link): string {
  const endpoint = child.attachments.get('bridge')?.endpoint;
  return endpoint === undefined ? '' : formatIpv4Address(endpoint.address);
}

/** What a link adds to `/etc/hosts`: the alias, the hostname and, where it differs, the name. */
export function hostsLineOf(link: Link): HostsLine {
  const { child, alias } = link;
  const name = alias === child.name ? '' : ` ${child.name}`;
  return { address: linkedAddressOf(link), names: `${alias} ${child.hostname}${name}` };
}

/** What a link adds to the environment of the linking container. */
export function environmentOf(parent: string, link: Link): string[] {
  const { child, alias } = link;
  const prefix = alias.replaceAll('-', '_').toUpperCase();
  const address = linkedAddressOf(link);
  const ports = [...child.exposed].sort(byProtocolAndPort);
  const lines: string[] = [];
  const first = ports[0];
  if (first !== undefined) {
    lines.push(`${prefix}_PORT=${first.protocol}://${address}:${first.port}`);
  }
  lines.push(...runLines(prefix, address, ports));
  for (const { port, protocol } of ports) {
    const name = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
    lines.push(
      `${name}=${protocol}://${address}:${port}`,
      `${name}_ADDR=${address}`,
      `${name}_PORT=${port}`,
      `${name}_PROTO=${protocol}`,
    );
  }
  lines.push(`${prefix}_NAME=/${parent}/${alias}`);
  for (const variable of child.request.environment) {
    const [name, value] = splitOnce(variable, '=');
    if (value === undefined || name === 'HOME' || name === 'PATH') continue;
    lines.push(`${prefix}_ENV_${name}=${value}`);
  }
  return lines;
}

/** The lines of ports that follow each other without a gap. */
function runLines(prefix: string, address: string, ports: readonly ContainerPort[]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < ports.length; ) {
    const { port, protocol } = ports[i]!;
    let last = i;
    while (
      ports[last + 1]?.port === ports[last]!.port + 1 &&
      ports[last + 1]?.protocol === protocol
    ) {
      last++;
    }
    if (last > i) {
      const name = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
      const end = ports[last]!.port;
      lines.push(
        `${name}_START=${protocol}://${address}:${port}`,
        `${name}_PORT_START=${port}`,
        `${name}_END=${protocol}://${address}:${end}`,
        `${name}_PORT_END=${end}`,
      );
    }
    i = last + 1;
  }
  return lines;
}

/** The rules that let two linked containers talk where others may not, to be appended to DOCKER. */
export function linkRules(bridge: string, parentAddress: string, link: Link): string[] {
  const childAddress = linkedAddressOf(link);
  return [...link.child.exposed].sort(byProtocolAndPort).flatMap(({ port, protocol }) => {
    const path = `-i ${bridge} -o ${bridge} -p ${protocol} -m ${protocol}`;
    return [
      `-s ${parentAddress}/32 -d ${childAddress}/32 ${path} --dport ${port} -j ACCEPT`,
      `-s ${childAddress}/32 -d ${parentAddress}/32 ${path} --sport ${port} -j ACCEPT`,
    ];
  });
}

/** TCP before the others, then by number (`nat.Sort` of links.go). */
function byProtocolAndPort(a: ContainerPort, b: ContainerPort): number {
  const tcp = Number(b.protocol === 'tcp') - Number(a.protocol === 'tcp');
  return tcp !== 0 ? tcp : a.port - b.port;
}

/** The text before and behind the first separator. */
function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
