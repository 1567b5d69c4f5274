/**
 * A real plugin's place on a simulated host: requests go out to it, answers come back, and what it
 * would have made in a real kernel is made in the simulated one. A device that its Join names and
 * that is not there becomes one end of a veth pair, whose other end is in a bridge of the network.
 */
import { decodeGoJson, objectField, textField } from '../../wire/go-json.ts';
import type { PluginAttempt, PluginRequest, PluginServer } from './plugin-folder.ts';
import { addPair, bridgeOf, removeBridge, removePair } from './samples/ports.ts';
import { macOf, type PluginHost } from './samples/sample-plugin.ts';

const MTU_BYTES = 1500;
const OK = 200;

/** A plugin of the real world on one simulated host. */
export class AttachedPlugin implements PluginServer {
  readonly #host: PluginHost;
  readonly #real: PluginServer;

  constructor(host: PluginHost, real: PluginServer) {
    this.#host = host;
    this.#real = real;
  }

  post(request: PluginRequest, reply: (attempt: PluginAttempt) => void): void {
    this.#real.post(request, (attempt) => {
      if ('status' in attempt && attempt.status === OK) this.#follow(request, attempt.body);
      reply(attempt);
    });
  }

  /** Does what the plugin says it has done. */
  #follow({ method, body }: PluginRequest, answerText: string): void {
    const request = decodeGoJson(body);
    const answer = decodeGoJson(answerText);
    if (typeof request === 'string' || typeof answer === 'string') return;
    const bridgeName = `plg-${textField(request, 'NetworkID').slice(0, 11)}`;
    const hostName = `plp-${textField(request, 'EndpointID').slice(0, 11)}`;
    if (method === 'NetworkDriver.Join') {
      const name = textField(objectField(answer, 'InterfaceName') ?? {}, 'SrcName');
      const isThere = name === '' || this.#host.namespace.deviceByName(name) !== undefined;
      if (isThere || textField(answer, 'Err') !== '') return;
      addPair(this.#host, {
        hostName,
        hostMac: macOf(hostName),
        name,
        mac: macOf(name),
        mtuBytes: MTU_BYTES,
        bridge: bridgeOf(this.#host, bridgeName, MTU_BYTES),
      });
    } else if (method === 'NetworkDriver.DeleteEndpoint') removePair(this.#host, hostName);
    else if (method === 'NetworkDriver.DeleteNetwork') removeBridge(this.#host, bridgeName);
  }
}
