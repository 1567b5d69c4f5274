/**
 * How the `docker` client words what is wrong with a command line, and where to look (docker/cli
 * `cli/required.go`, `cobra.go`, `command/container/run.go`): up to 27 with a pointer at its end, from
 * 28 on with the usage before it.
 */
import type { CommandFacts } from './command.ts';

/** The first version that words it the new way. */
const NEW_MAJOR = 28;

/** A flag that there is not, or whose value makes no sense. */
export function flagText(major: number, { name, usage }: CommandFacts, complaint: string): string {
  if (major < NEW_MAJOR) return `${complaint}\nSee 'docker ${name} --help'.\n`;
  return `${complaint}\n\nUsage:  docker ${name} ${usage}\n\n${pointer(name)}`;
}

/** Too few or too many words; `undefined` when there are as many as it takes. */
export function wordsText(major: number, facts: CommandFacts, count: number): string | undefined {
  const [min, max] = facts.words;
  if (count >= min && count <= max) return undefined;
  const { name, usage, description } = facts;
  const plural = (n: number) => `${n} argument${n === 1 ? '' : 's'}`;
  const isNew = major >= NEW_MAJOR;
  let wish = 'accepts no arguments';
  // cli v28.5: a sentence of its own for each
  let end = pointer(name);
  if (max > 0 && min === max) wish = `requires ${isNew ? '' : 'exactly '}${plural(min)}`;
  else if (max > 0 && count < min) {
    wish = `requires at least ${plural(min)}`;
    end = `See 'docker ${name} --help' for more information\n`;
  } else if (max > 0) wish = `requires at most ${plural(max)}`;
  const use = `Usage:  docker ${name} ${usage}\n\n`;
  if (isNew) return `docker: 'docker ${name}' ${wish}\n\n${use}${end}`;
  return `"docker ${name}" ${wish}.\nSee 'docker ${name} --help'.\n\n${use}${description}\n`;
}

/** What `docker run` and `docker create` say of anything that went wrong. */
export function runText(major: number, name: string, complaint: string): string {
  if (major >= NEW_MAJOR) return `docker: ${complaint}\n\n${pointer(name)}`;
  return `docker: ${complaint.replace(/\.$/, '')}.\nSee 'docker ${name} --help'.\n`;
}

/** What `docker run` says of a container that does not start. */
export function notStartedText(major: number, complaint: string): string {
  if (major >= NEW_MAJOR) return runText(major, 'run', complaint);
  return `docker: ${complaint.replace(/\.$/, '')}.\n`;
}

/** A command that there is not. */
export function unknownText(major: number, word: string): string {
  if (major < NEW_MAJOR) return `docker: '${word}' is not a docker command.\nSee 'docker --help'\n`;
  return `docker: unknown command: docker ${word}\n\nRun 'docker --help' for more information\n`;
}

function pointer(name: string): string {
  return `Run 'docker ${name} --help' for more information\n`;
}
