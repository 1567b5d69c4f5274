/**
 * dockerd and a plugin of which the test decides what it answers, as files of `testdata/` tell it:
 * what is typed on the host, what is printed and how long that took, and what went over the socket.
 *
 * Commands beside those that are typed: `dockerd VERSION` starts over with another host;
 * `plugin NAME METHOD status=404|JSON` sets an answer, `plugin NAME listens|dies|hangs|vanishes` says
 * what its process does, `later SPAN plugin …` when; `device NAME MAC` makes one on the host; `file PATH TEXT`
 * writes a file; `node ADDRESS comes|goes` is a node of the swarm; `calls` prints what went over
 * sockets since the last time. Ids are written as what they belong to.
 */
import { createVethPair } from '../../net/device/veth.ts';
import { splitWords } from '../../net/netfilter/command-words.ts';
import { type Script, testTranscripts } from '../../sim/testing/transcript.ts';
import { formatDuration, MINUTE_NS, parseDuration } from '../../sim/time.ts';
import { LOOPBACK_ADDRESS, parseIpv4Address, parseMac } from '../../wire/addresses.ts';
import { bootHost } from '../testing/docker-host.ts';
import { launch } from '../tools/launch.ts';
import { PluginFolder, type PluginServer } from './plugin-folder.ts';

/** What a plugin says that was not told otherwise. */
const DEFAULTS: Readonly<Record<string, string>> = {
  'Plugin.Activate': '{"Implements": ["NetworkDriver", "IpamDriver"]}',
  'NetworkDriver.GetCapabilities': '{"Scope": "local"}',
  'IpamDriver.GetDefaultAddressSpaces':
    '{"LocalDefaultAddressSpace": "here", "GlobalDefaultAddressSpace": "everywhere"}',
  'IpamDriver.RequestPool': '{"PoolID": "pool-1", "Pool": "10.9.0.0/24"}',
  'IpamDriver.RequestAddress': '{"Address": "10.9.0.1/24"}',
};

class Terminal implements Script {
  #host = bootHost('20.10');
  readonly #answers = new Map<string, string>();
  readonly #hanging = new Set<string>();
  #seen = 0;

  block(commands: readonly string[]): string[] {
    return commands.flatMap((command) => this.#named(this.#type(command)));
  }

  #type(command: string): string[] {
    const [verb = '', first = '', ...rest] = command.split(' ');
    const text = rest.join(' ');
    if (verb === '#') return [];
    if (verb === 'dockerd') this.#host = bootHost(first);
    else if (verb === 'plugin') this.#plugin(first, rest);
    else if (verb === 'later') {
      const { queue } = this.#host.world;
      queue.scheduleCallback(queue.nowNs + parseDuration(first)!, () =>
        this.#plugin(rest[1]!, rest.slice(2)),
      );
    } else if (verb === 'device') this.#addDevice(first, text);
    else if (verb === 'file') this.#host.plugins.writeSpec(first, text);
    else if (verb === 'node') this.#node(first, text);
    else if (verb === 'calls') return this.#calls();
    else return this.#run(command);
    return [];
  }

  #plugin(name: string, [verb = '', ...rest]: readonly string[]): void {
    const { plugins } = this.#host;
    const path = PluginFolder.pathOf(name);
    if (verb === 'listens') {
      this.#hanging.delete(name);
      plugins.listen(path, this.#serverOf(name));
    } else if (verb === 'dies') plugins.socketAt(path)!.close();
    else if (verb === 'vanishes') plugins.removeSocket(path);
    else if (verb === 'hangs') this.#hanging.add(name);
    else this.#answers.set(`${name} ${verb}`, rest.join(' '));
  }

  #serverOf(name: string): PluginServer {
    return {
      post: ({ method }, reply) => {
        if (this.#hanging.has(name)) return;
        const answer = this.#answers.get(`${name} ${method}`) ?? DEFAULTS[method] ?? '{}';
        const [, status = '200', body = ''] = /^(?:status=(\d+) ?)?(.*)$/.exec(answer)!;
        reply({ status: Number(status ?? 200), body });
      },
    };
  }

  #addDevice(name: string, macText: string): void {
    const { namespace } = this.#host;
    for (const end of createVethPair(name, parseMac(macText)!, `${name}-host`, 0x0200_0000_00aa)) {
      namespace.addDevice(end);
    }
    namespace.setUp(namespace.deviceByName(`${name}-host`)!, true);
  }

  #node(text: string, verb: string): void {
    const address = parseIpv4Address(text)!;
    if (verb === 'comes') this.#host.drivers.noteNode(address);
    else this.#host.drivers.forgetNode(address);
    this.#wait();
  }

  #calls(): string[] {
    const { calls } = this.#host.drivers;
    const fresh = calls.slice(this.#seen);
    this.#seen = calls.length;
    return fresh.flatMap(({ plugin, method, request, status, response, atNs, endedAtNs }) => {
      const took = endedAtNs - atNs > 1_000_000 ? ` after ${formatDuration(endedAtNs - atNs)}` : '';
      return [`${plugin} ${method} ${request.trimEnd()}`, `  ${status}${took} ${response}`];
    });
  }

  #run(line: string): string[] {
    const { namespace, resolver, namespaces, daemon, world } = this.#host;
    const hosts = new Map([['localhost', LOOPBACK_ADDRESS]]);
    const place = { namespace, resolver, namespaces, hosts, source: 0, daemon };
    let output = '';
    let took = '  (does not end)';
    const startNs = world.nowNs;
    launch(place, splitWords(line), {
      onOutput: (text) => {
        output += text;
      },
      onExit: () => {
        const spanNs = world.nowNs - startNs;
        took = spanNs > 10_000_000 ? `  (${formatDuration(spanNs)})` : '';
      },
    });
    this.#wait();
    return [`$ ${line}${took}`, ...output.split('\n').filter((each) => each.trim() !== '')];
  }

  #wait(): void {
    const { queue } = this.#host.world;
    queue.runUntil(queue.nowNs + 2 * MINUTE_NS);
  }

  #named(lines: readonly string[]): string[] {
    const { networks, daemon } = this.#host;
    const names = new Map<string, string>();
    for (const { id, name } of [...networks.list(), ...daemon.list()]) names.set(id, `<${name}>`);
    for (const network of networks.list()) {
      for (const { id, reserved, containerName } of network.endpoints.values()) {
        names.set(reserved?.id ?? id, `<${containerName} on ${network.name}>`);
      }
    }
    for (const { sandbox, name } of daemon.list()) {
      if (sandbox !== undefined) names.set(sandbox.id, `<sandbox of ${name}>`);
    }
    return lines.map((line) => {
      let text = line;
      for (const [id, name] of names) {
        text = text.replaceAll(id, name).replaceAll(id.slice(0, 12), name);
      }
      return text
        .replaceAll(/[0-9a-f]{64}/g, '<id>')
        .replaceAll(/netns\/[0-9a-f]{12}/g, 'netns/<id>');
    });
  }
}

testTranscripts(new URL('testdata/', import.meta.url), () => new Terminal());
