/**
 * nft against a session with nftables 1.0.6 on a real kernel, and packets through what it makes.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FakeNamespace } from '../fake-namespace.ts';

type Step = [command: string, status: number, stdout: string, stderr: string];

test('a session: what each command prints, and how it is refused', () => {
  const { nftables } = new FakeNamespace();
  const path = new URL('testdata/session.json', import.meta.url);
  for (const [command, status, text, stderr] of JSON.parse(readFileSync(path, 'utf8')) as Step[]) {
    // later versions know the name at this hook
    const stdout = text.replace('hook output priority -100', 'hook output priority dstnat');
    expect([command, nftables.execute(command)]).toEqual([command, { status, stdout, stderr }]);
  }
});
