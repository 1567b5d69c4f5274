/**
 * What sample plugins have in common: the host that they run on, how they answer on their sockets,
 * and how a process of theirs dies and comes back. What they have done in the kernel stays when the
 * process is gone.
 */
import type { Device } from '../../../net/device/device.ts';
import type { Namespace } from '../../../net/namespace.ts';
import { hashText } from '../../../sim/chance.ts';
import { type Steps, takeSteps } from '../../../sim/steps.ts';
import type { World } from '../../../sim/world.ts';
import type { Ipv4Address, Mac } from '../../../wire/addresses.ts';
import { decodeGoJson, goJson } from '../../../wire/go-json.ts';
import { PluginFolder, type PluginServer } from '../plugin-folder.ts';

/** A host, as the plugins on it see it. */
export interface PluginHost {
  readonly world: World;
  readonly name: string;
  /** Where the other hosts reach it. */
  readonly dataPathAddress: Ipv4Address;
  /** Its own namespace, in which plugins run. */
  readonly namespace: Namespace;
  readonly uplink: Device;
  readonly plugins: PluginFolder;
}

/** What a plugin answers to a method, some time later. */
export type Answer = (request: Record<string, unknown>) => Steps<object>;

/** Methods by their names, such as `NetworkDriver.Join`. */
export type Answers = Readonly<Record<string, Answer>>;

/** A sample plugin on one host. */
export interface SamplePlugin {
  /** What it answers, by the names that `docker` knows it by. */
  readonly sockets: Readonly<Record<string, Answers>>;
  /** The process starts. */
  start?(): void;
  /** The process is gone. */
  stop?(): void;
}

/** The process of a sample plugin. */
export class PluginProcess {
  readonly plugin: SamplePlugin;
  readonly #folder: PluginFolder;
  isRunning = false;

  constructor(folder: PluginFolder, plugin: SamplePlugin) {
    this.#folder = folder;
    this.plugin = plugin;
  }

  /** Starts it, unless it runs. */
  start(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    for (const [name, answers] of Object.entries(this.plugin.sockets)) {
      this.#folder.listen(PluginFolder.pathOf(name), serverOf(answers));
    }
    this.plugin.start?.();
  }

  /** SIGKILL: nobody answers on its sockets any more. */
  kill(): void {
    if (!this.isRunning) return;
    this.isRunning = false;
    for (const name of Object.keys(this.plugin.sockets)) {
      this.#folder.socketAt(PluginFolder.pathOf(name))?.close();
    }
    this.plugin.stop?.();
  }
}

/** A server for a table of methods: 404 for others, 400 for what is no JSON. */
export function serverOf(answers: Answers): PluginServer {
  return {
    post({ method, body }, reply) {
      const answer = Object.hasOwn(answers, method) ? answers[method] : undefined;
      if (answer === undefined) {
        reply({ status: 404, body: '404 page not found\n' });
        return;
      }
      const request = isWithoutBody(method) ? {} : decodeGoJson(body);
      if (typeof request === 'string') reply({ status: 400, body: goJson({ Err: request }) });
      else takeSteps(answer(request), (own) => reply({ status: 200, body: `${goJson(own)}\n` }));
    },
  };
}

function isWithoutBody(method: string): boolean {
  return /\.(Activate|GetCapabilities|GetDefaultAddressSpaces)$/.test(method);
}

/** An answer that needs no time. */
export function at(answer: (request: Record<string, unknown>) => object): Answer {
  return (request) => justNow(answer(request));
}

/** An answer that says nothing, to what a plugin has no part in. */
export const NOTHING: Answer = at(() => ({}));

/** What a plugin of this kind says when it is greeted. */
export function greeting(...kinds: readonly string[]): Answer {
  return at(() => ({ Implements: kinds }));
}

// biome-ignore lint/correctness/useYield: work without a wait
function* justNow(value: object): Steps<object> {
  return value;
}

/** A MAC address that follows from a name: locally administered, unicast. */
export function macOf(name: string): Mac {
  return 0x0200_0000_0000 + hashText(name);
}
