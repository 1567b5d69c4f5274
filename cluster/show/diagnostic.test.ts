/**
 * What the diagnostic server of a small swarm's daemons answers, word for word: the views of two
 * nodes, as JSON and as text.
 */
import { engineVersionOf } from '../../node/engine-version.ts';
import { testTranscripts } from '../../sim/testing/transcript.ts';
import { parseDuration } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import { Cluster } from '../cluster.ts';
import { diagnosticReply } from './diagnostic-server.ts';
import { viewText } from './views.ts';

/**
 * Commands: `swarm <docker>`, `run <span>`, `crash <node>`, `show <view> <node> <network> [json]`,
 * `get <node> <request>`; `NID` in a request is the ingress network, `KEY` its first endpoint, and
 * `delete KEY` makes its owner delete it.
 */
class Script {
  #cluster: Cluster | undefined;
  #key = '';

  block(commands: readonly string[]): string[] {
    return commands.flatMap((command) => this.#run(command.split(' ')));
  }

  #run([verb, ...words]: string[]): string[] {
    if (verb === 'swarm') {
      const engine = engineVersionOf(words[0]!)!;
      const names = ['manager-1', 'worker-1', 'worker-2'];
      const nodes = names.map((name) => ({ name, engine, isManager: name.startsWith('manager') }));
      this.#cluster = new Cluster({ world: new World('diagnostic'), nodes });
      return [];
    }
    const cluster = this.#cluster!;
    const { queue } = cluster.world;
    if (verb === 'run') queue.runUntil(queue.nowNs + parseDuration(words[0]!)!);
    else if (verb === 'crash') cluster.crash(Number(words[0]));
    else if (verb === 'delete') this.#delete(cluster);
    else if (verb === 'get') return this.#get(cluster, words[0]!, words[1]!);
    else if (verb === 'show') return this.#show(cluster, words);
    return [];
  }

  #get(cluster: Cluster, node: string, request: string): string[] {
    const machine = cluster.machines.find(({ name }) => name === node)!;
    const asked = request.replace('NID', this.#ingressOf(cluster)).replace('KEY', this.#key);
    return [`GET ${asked}`, ...diagnosticReply(cluster, machine, asked).trimEnd().split('\n')];
  }

  #delete(cluster: Cluster): void {
    const table = 'overlay_peer_table';
    const network = this.#ingressOf(cluster);
    const { owner } = cluster.db.entriesOf(0, table, network)[0]!;
    cluster.db.deleteEntry(owner, table, network, this.#key);
  }

  #ingressOf({ db, machines }: Cluster): string {
    const [ingress] = [...machines[0]!.executor!.networks.networks];
    const { id } = ingress!;
    this.#key ||= db.entriesOf(0, 'overlay_peer_table', id)[0]!.key;
    return id;
  }

  #show(cluster: Cluster, [view, node, network, form]: readonly string[]): string[] {
    const machine = cluster.machines.find(({ name }) => name === node)!;
    const query = { network: network === 'all' ? undefined : network, isJson: form === 'json' };
    return viewText(cluster, machine, view!, undefined, query)!.trimEnd().split('\n');
  }
}

testTranscripts(new URL('./testdata/', import.meta.url), () => new Script());
