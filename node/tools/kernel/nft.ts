/**
 * `nft`: the commands of `net/netfilter/nft` as a program with exit statuses.
 */
import type { Process } from '../process.ts';

/** `nft …`. */
export function nft(process: Process, argv: readonly string[]): void {
  const { status, stdout, stderr } = process.place.namespace.nftables.execute(argv);
  process.print(stdout);
  if (stderr !== '') process.complain(`${stderr.trimEnd()}\n`);
  process.exit(status);
}
