/**
 * The `docker` command on one host, as files of `testdata/` tell it: what is typed, and what it and
 * the host's other tools print then.
 *
 * Commands: `dockerd VERSION [--icc=false] [--userland-proxy=false] [--live-restore] [nftables]
 * [firewalld]` starts over with another host (20.10 without flags, unless a file says otherwise),
 * `power-cycle` takes its power away and gives it back, everything else is typed on the host. Ids are
 * written as what they belong to, empty lines are left out.
 */
import { splitWords } from '../../net/netfilter/command-words.ts';
import { type Script, testTranscripts } from '../../sim/testing/transcript.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import { LOOPBACK_ADDRESS } from '../../wire/addresses.ts';
import type { Host, HostOptions } from '../host/host.ts';
import { DEFAULT_DAEMON_CONFIG } from '../network/network-host.ts';
import { bootHost } from '../testing/docker-host.ts';
import { launch } from '../tools/launch.ts';

/** How long a tool may take. */
const PATIENCE_NS = 15 * SECOND_NS;

class Terminal implements Script {
  #boot = (before?: Host) =>
    bootHost('20.10', before?.world ?? new World('docker-host'), undefined, {}, diskOf(before));
  #host = this.#boot();

  block(commands: readonly string[]): string[] {
    return commands.flatMap((command) => this.#type(command));
  }

  #type(command: string): string[] {
    const [program = '', engine = '', ...flags] = command.split(' ');
    if (program === '#') return [];
    if (program === 'power-cycle') return this.#powerCycle();
    if (program !== 'dockerd') return this.#run(command);
    const daemon = {
      ...DEFAULT_DAEMON_CONFIG,
      hasIcc: !flags.includes('--icc=false'),
      hasUserlandProxy: !flags.includes('--userland-proxy=false'),
      livesOn: flags.includes('--live-restore'),
      usesNftables: flags.includes('nftables'),
    };
    const hasFirewalld = flags.includes('firewalld');
    const world = new World('docker-host');
    this.#boot = (before) =>
      bootHost(engine, world, undefined, daemon, {
        hasFirewalld,
        ...diskOf(before),
      });
    this.#host = this.#boot();
    return [];
  }

  #powerCycle(): string[] {
    const { world } = this.#host;
    this.#host.powerOff();
    world.queue.runUntil(world.nowNs + PATIENCE_NS);
    this.#host = this.#boot(this.#host);
    world.queue.runUntil(world.nowNs + PATIENCE_NS);
    return ['$ power-cycle'];
  }

  #run(line: string): string[] {
    const { namespace, resolver, namespaces, daemon, world } = this.#host;
    const hosts = new Map([['localhost', LOOPBACK_ADDRESS]]);
    const place = { namespace, resolver, namespaces, hosts, source: 0, daemon };
    let output = '';
    launch(place, splitWords(line), {
      onOutput: (text) => {
        output += text;
      },
      onExit: () => {},
    });
    world.queue.runUntil(world.nowNs + PATIENCE_NS);
    const text = namesOf(this.#host).reduce((own, [id, name]) => own.replaceAll(id, name), output);
    const lines = text.replaceAll(/[0-9a-f]{64}/g, '<id>').split('\n');
    return [`$ ${line}`, ...lines.filter((each) => each.trim() !== '')];
  }
}

/** What a host finds on its disk. */
function diskOf(before: Host | undefined): Partial<HostOptions> {
  return before === undefined ? {} : { before, identifiers: before.identifiers };
}

/** Ids and what they belong to. */
function namesOf({ networks, daemon }: Host): (readonly [string, string])[] {
  const all = [...networks.list(), ...daemon.list()];
  return all.flatMap(({ id, name }) => [
    [id, `<${name}>`] as const,
    [id.slice(0, 12), `<${name}>`] as const,
  ]);
}

testTranscripts(new URL('testdata/', import.meta.url), () => new Terminal());
