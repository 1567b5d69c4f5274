/**
 * The `exec` steps of a timeline: tools that run in places of the cluster, and what became of them.
 */
import type { Cluster } from '../../cluster/cluster.ts';
import { isNoPlace, placeOf } from '../../cluster/places.ts';
import { splitWords } from '../../net/netfilter/command-words.ts';
import { launch } from '../../node/tools/launch.ts';
import type { Process } from '../../node/tools/process.ts';
import { SECOND_NS } from '../../sim/time.ts';
import type { TimelineEntry } from '../language/scenario.ts';
import type { CommandResult } from '../result.ts';

/** Exit status when there was no place to run it (Docker's own). */
const NO_PLACE = 125;

/** An `exec` entry. */
type Exec = NonNullable<TimelineEntry['exec']>;

/** One command. */
interface Command {
  readonly name: string;
  readonly atNs: number;
  readonly exec: Exec;
  process: Process | undefined;
  output: string;
  status: number;
  endedAtNs: number;
}

/** What the command line of an entry says, as words. */
function wordsOf({ run }: Exec): readonly string[] {
  return typeof run === 'string' ? splitWords(run) : run;
}

/** The commands of one run. */
export class Commands {
  readonly #cluster: Cluster;
  readonly #commands: Command[] = [];
  readonly #names = new Map<string, number>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Starts one. */
  start(exec: Exec, as: string | undefined): void {
    const { queue } = this.#cluster.world;
    const base = as ?? 'exec';
    const count = (this.#names.get(base) ?? 0) + 1;
    this.#names.set(base, count);
    const name = count === 1 ? base : `${base}-${count}`;
    const { nowNs } = queue;
    const command: Command = {
      name,
      atNs: nowNs,
      exec,
      process: undefined,
      output: '',
      status: NO_PLACE,
      endedAtNs: nowNs,
    };
    this.#commands.push(command);
    const { on, container, netns } = exec;
    const place = placeOf(this.#cluster, { on, container, netns });
    if (isNoPlace(place)) {
      command.output = `${place.error}\n`;
      return;
    }
    command.process = launch(place, wordsOf(exec), {
      onOutput: (text) => {
        command.output += text;
      },
      onExit: (status) => {
        command.status = status;
        command.endedAtNs = queue.nowNs;
      },
    });
    const started = command.process;
    if (!started.isOver) queue.scheduleCallback(nowNs + exec.for, () => started.terminate());
  }

  /** Ends what still runs, and tells what became of all. */
  finish(): CommandResult[] {
    for (const { process } of this.#commands) process?.terminate();
    return this.#commands.map(({ name, atNs, exec, output, status, endedAtNs }) => ({
      name,
      atSeconds: atNs / SECOND_NS,
      seconds: (endedAtNs - atNs) / SECOND_NS,
      place: [exec.on, exec.container, exec.netns].filter((part) => part !== undefined).join(' '),
      command: typeof exec.run === 'string' ? exec.run : exec.run.join(' '),
      output,
      status,
    }));
  }
}
