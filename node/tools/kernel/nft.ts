/**
 * `nft` 1.0.6: the commands of `net/netfilter/nft` as a program with exit statuses, scripts from
 * files and standard input included. Mirrors nftables' src/main.c.
 */
import type { CommandResult } from '../../../net/netfilter/tables.ts';
import type { Process } from '../process.ts';

/** `nft [-a|-s|-n] COMMAND`, `nft -f FILE` where `-` is standard input. */
export function nft(process: Process, argv: readonly string[]): void {
  const { nftables } = process.place.namespace;
  const at = argv.findIndex((word) => word === '-f' || word === '--file');
  if (argv.length === 0) process.fail(1, 'nft: no command specified\n');
  else if (argv[0] === '-v' || argv[0] === '--version') {
    process.print('nftables v1.0.6 (Lester Gooch #5)\n');
    process.exit(0);
  } else if (argv.includes('-j')) process.fail(1, 'Error: JSON support not compiled-in\n');
  else if (at < 0) finish(process, nftables.execute(argv));
  else loadFile(process, argv[at + 1]);
}

function loadFile(process: Process, path: string | undefined): void {
  const { nftables } = process.place.namespace;
  if (path === undefined) {
    process.fail(1, "nft: option requires an argument -- 'f'\n");
    return;
  }
  if (path === '-' || path === '/dev/stdin') {
    process.stdin.readAll((text) => finish(process, nftables.load(text)));
    return;
  }
  const text = process.files.text(path, process.place);
  if (text !== undefined) finish(process, nftables.load(text, path));
  else {
    const reason = `Could not open file "${path}": No such file or directory`;
    process.fail(1, `internal:0:0-0: Error: ${reason}\n\n\n`);
  }
}

function finish(process: Process, { status, stdout, stderr }: CommandResult): void {
  process.print(stdout);
  if (stderr !== '') process.complain(`${stderr}\n`);
  process.exit(status);
}
