/**
 * The plugins that dockerd has talked to: found by name when somebody first needs one, greeted with
 * `/Plugin.Activate`, and kept (moby `pkg/plugins/plugins.go`, `plugin/store.go`).
 */

import { answerOf, StepQueue, type Steps } from '../../sim/steps.ts';
import { fieldOf } from '../../wire/go-json.ts';
import { failure, notFound, type Refusal } from '../daemon/refusal.ts';
import {
  backoffNs,
  isTooLate,
  type PluginCall,
  PluginClient,
  type PluginClientHost,
  PluginError,
  pause,
} from './plugin-client.ts';

/** What a plugin can be (`Implements` of its answer). */
export type PluginKind = 'NetworkDriver' | 'IpamDriver';

/** Hears of a plugin that has just been greeted, and registers it as what it is. */
type PluginHandler = (client: PluginClient) => Steps<void>;

/** A plugin that was found. */
interface Plugin {
  readonly client: PluginClient;
  /** One greeting at a time. */
  readonly turns: StepQueue;
  /** What it implements, once it has been greeted. */
  manifest: readonly string[] | undefined;
}

/** All plugins of one host. */
export class PluginStore {
  readonly calls: PluginCall[] = [];
  readonly #host: PluginClientHost;
  readonly #handlers: Readonly<Record<PluginKind, PluginHandler>>;
  readonly #plugins = new Map<string, Plugin>();

  constructor(host: PluginClientHost, handlers: Readonly<Record<PluginKind, PluginHandler>>) {
    this.#host = host;
    this.#handlers = handlers;
  }

  /** dockerd has started again, and knows no plugin. */
  forget(): void {
    this.#plugins.clear();
  }

  /**
   * Loads the plugin of this name as what is asked for; why not, if it cannot be had. One that there
   * is not is looked for during 15 s.
   */
  *load(name: string, kind: PluginKind): Steps<Refusal | undefined> {
    const known = this.#plugins.get(name);
    const plugin = known ?? (yield* this.#find(name));
    if (plugin === undefined) return notFound(`plugin "${name}" not found`);
    if (plugin instanceof PluginError) return failure(`legacy plugin: ${plugin.message}`);
    const error = yield* answerOf<PluginError | undefined>((resume) =>
      plugin.turns.take(this.#activate(plugin), resume),
    );
    if (error !== undefined) {
      if (known === undefined) this.#plugins.delete(name);
      return failure(`legacy plugin: ${error.message}`);
    }
    if (plugin.manifest?.includes(kind) === true) return undefined;
    const asked = `plugin="${name}", requested implementation="${kind}"`;
    return failure(`legacy plugin: Plugin does not implement the requested driver: ${asked}`);
  }

  *#find(name: string): Steps<Plugin | PluginError | undefined> {
    const startNs = this.#host.world.nowNs;
    for (let retryCount = 0; ; retryCount++) {
      const location = this.#host.plugins.find(name);
      if (location !== undefined && 'address' in location) {
        const present = this.#plugins.get(name);
        if (present !== undefined) return present;
        const note = (call: PluginCall) => void this.calls.push(call);
        const client = new PluginClient(this.#host, name, location.address, note);
        const plugin: Plugin = { client, turns: new StepQueue(), manifest: undefined };
        this.#plugins.set(name, plugin);
        return plugin;
      }
      const waitNs = backoffNs(retryCount);
      if (isTooLate(this.#host.world.nowNs - startNs, waitNs)) {
        return location === undefined ? undefined : new PluginError(location.error);
      }
      yield* pause(this.#host, waitNs);
    }
  }

  /** The greeting; whoever was greeted before is not greeted again. */
  *#activate(plugin: Plugin): Steps<PluginError | undefined> {
    if (plugin.manifest !== undefined) return undefined;
    const answer = yield* plugin.client.call('Plugin.Activate');
    if (answer instanceof PluginError) return answer;
    const list = fieldOf(answer, 'Implements');
    plugin.manifest = Array.isArray(list) ? list.filter((one) => typeof one === 'string') : [];
    for (const name of plugin.manifest) {
      if (name === 'NetworkDriver' || name === 'IpamDriver') {
        yield* this.#handlers[name](plugin.client);
      }
    }
    return undefined;
  }
}
