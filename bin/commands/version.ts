/**
 * `swarmlab version`: the version, as `--json` documents name it, and that of Node.
 */
import type { Command } from 'commander';
import { VERSION } from '../../scenarios/version.ts';

/** Adds the command. */
export function addVersion(program: Command): void {
  program
    .command('version')
    .description('print the version')
    .option('--json', 'print a JSON document')
    .action((options: { json?: boolean }) => {
      const document = { swarmlab: VERSION, node: process.version };
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify(document)}\n`
          : `swarmlab ${VERSION} (Node ${process.version})\n`,
      );
    });
}
