/**
 * The command that replays a run, quoted so that it can be pasted into a shell.
 */

/** What decides a run beside the files. */
export interface Replay {
  readonly file: string;
  readonly seed: string;
  readonly settings: ReadonlyMap<string, string>;
  readonly shortcuts: boolean;
}

/** `swarmlab run FILE --seed S`, with what else the run was given. */
export function replayLine({ file, seed, settings, shortcuts }: Replay): string {
  const words = ['swarmlab', 'run', file, '--seed', seed];
  for (const [key, value] of settings) words.push('--set', `${key}=${value}`);
  if (!shortcuts) words.push('--no-shortcuts');
  return words.map(quote).join(' ');
}

function quote(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}
