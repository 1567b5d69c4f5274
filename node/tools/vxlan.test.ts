/**
 * VXLAN devices made by hand, as iproute2 6.1 on Linux 6.18 makes, lists and refuses them: the commands of
 * `testdata/vxlan.txt` were typed there in an empty namespace, and its lines are what was printed (but
 * for the order of forwarding entries, which the kernel lists by hash). Of `ip -d link` the words of the
 * kind are shown, of usages the first line.
 */
import type { Namespace } from '../../net/namespace.ts';
import { splitWords } from '../../net/netfilter/command-words.ts';
import { Lab } from '../../net/testing/lab.ts';
import { testTranscripts } from '../../sim/testing/transcript.ts';
import { launch } from './launch.ts';

class Terminal {
  readonly #lab = new Lab();
  readonly #namespace: Namespace = this.#lab.namespace('host');

  type(line: string): string[] {
    let output = '';
    const place = {
      namespace: this.#namespace,
      resolver: { servers: [], search: [] },
      hosts: new Map(),
      source: 0,
      namespaces: new Map(),
    };
    const process = launch(place, splitWords(line), {
      onOutput: (text) => {
        output += text;
      },
      onExit: () => {},
    });
    this.#lab.run(1);
    const kind = /\n {4}(vxlan .*?) addrgenmode/.exec(output)?.[1];
    const lines = (kind ?? output.replace(/\nUsage:.*/s, '')).split('\n');
    const status = process.status === 0 ? [] : [`(exit status ${process.status})`];
    return [`$ ${line}`, ...lines.filter((text) => text !== ''), ...status];
  }
}

testTranscripts(new URL('testdata/', import.meta.url), () => {
  const terminal = new Terminal();
  return { block: (commands) => commands.flatMap((command) => terminal.type(command)) };
});
