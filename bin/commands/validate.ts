/**
 * `swarmlab validate FILE…`: reads scenarios and the compose files that they name, and says what is
 * wrong with them, without running anything.
 */
import type { Command } from 'commander';
import { CommandFailure, ExitStatus } from '../exit-status.ts';
import { checkAndReport } from '../load-files.ts';

/** Adds the command. */
export function addValidate(program: Command): void {
  program
    .command('validate')
    .description('check scenario and stack files without running them')
    .argument('<file...>', 'scenario or stack files')
    .addHelpText('after', '\nExamples:\n  $ swarmlab validate scenarios/library/*.yaml')
    .action((files: string[]) => {
      let failures = 0;
      for (const file of files) {
        if (!checkAndReport(file)) failures++;
        else process.stdout.write(`${file}: ok\n`);
      }
      if (failures > 0) throw new CommandFailure(ExitStatus.wrongInput, '');
    });
}
