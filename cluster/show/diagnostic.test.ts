/**
 * What the diagnostic server of a small swarm's daemons answers, word for word: the views of two
 * nodes, as JSON and as text.
 */
import { engineVersionOf } from '../../node/engine-version.ts';
import { testTranscripts } from '../../sim/testing/transcript.ts';
import { parseDuration } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import { Cluster } from '../cluster.ts';
import { viewText } from './views.ts';

/** Commands: `swarm <docker>`, `run <span>`, `crash <node>`, `show <view> <node> <network> [json]`. */
class Script {
  #cluster: Cluster | undefined;

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
    else if (verb === 'show') return this.#show(cluster, words);
    return [];
  }

  #show(cluster: Cluster, [view, node, network, form]: readonly string[]): string[] {
    const machine = cluster.machines.find(({ name }) => name === node)!;
    const query = { network: network === 'all' ? undefined : network, isJson: form === 'json' };
    return viewText(cluster, machine, view!, undefined, query)!.trimEnd().split('\n');
  }
}

testTranscripts(new URL('./testdata/', import.meta.url), () => new Script());
