/**
 * Where a tool runs: a namespace, and what the files around it say about names.
 */
import type { Namespace } from '../../net/namespace.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import type { Daemon } from '../daemon/daemon.ts';
import type { ResolverConfig } from '../host/host.ts';

/** Where a process of a tool runs. */
export interface Place {
  readonly namespace: Namespace;
  /** Its `resolv.conf`; without a server, 127.0.0.1 is asked, as glibc does. */
  readonly resolver: ResolverConfig;
  /** Its `/etc/hosts`: names in lower case. */
  readonly hosts: ReadonlyMap<string, Ipv4Address>;
  /** The address that its connections leave from; 0 lets the stack choose. */
  readonly source: Ipv4Address;
  /** What `/var/run/docker/netns` holds; empty inside a container. */
  readonly namespaces: ReadonlyMap<string, Namespace>;
  /** Files that are there from the beginning: `/etc/hosts`, `/etc/resolv.conf`. */
  readonly files?: ReadonlyMap<string, string>;
  /** The engine that `docker` talks to; absent where there is none. */
  readonly daemon?: Daemon;
}
