/**
 * Transcripts: a text file of commands, `----`, and what they made happen, block by block. One file
 * tells one rule. With `REWRITE=1` in the environment the files are written anew, to be read as a
 * diff.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** Runs the commands of one block and says what happened, a line each. */
export interface Script {
  block(commands: readonly string[]): readonly string[];
}

/** One test per `*.txt` of a directory, each with a script of its own. */
export function testTranscripts(directory: URL, startScript: () => Script): void {
  const names = readdirSync(directory).filter((name) => name.endsWith('.txt'));
  test.each(names.sort())('%s', (name) => {
    const file = new URL(name, directory);
    const text = readFileSync(file, 'utf8');
    const script = startScript();
    const blocks = text.trimEnd().split('\n\n');
    const rewritten = `${blocks.map((block) => playBlock(block, script)).join('\n\n')}\n`;
    if (process.env['REWRITE'] === '1') writeFileSync(file, rewritten);
    else expect(rewritten).toBe(text);
  });
}

function playBlock(block: string, script: Script): string {
  const lines = block.split('\n');
  const end = lines.indexOf('----');
  const commands = end < 0 ? lines : lines.slice(0, end);
  if (commands.every((command) => command.startsWith('#'))) return commands.join('\n');
  return [...commands, '----', ...script.block(commands)].join('\n');
}
