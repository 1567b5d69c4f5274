/**
 * The walks of a swarm, there and back, hop by hop: the files are the walks as one reads them. What other
 * engines do is held against these in `mesh-walks.long.test.ts`.
 */
import { expect, test } from 'vitest';
import { walksOfEncryption, walksOfMesh } from './support/mesh-walks.ts';

test.each(['20.10', '28'])('engine %s', async (docker) => {
  await expect(walksOfMesh(docker)).toMatchFileSnapshot(`testdata/packet-walks/mesh-${docker}.txt`);
});

test.each(['20.10', '28'])('engine %s: an encrypted network', async (docker) => {
  const file = `testdata/packet-walks/mesh-encrypted-${docker}.txt`;
  await expect(walksOfEncryption(docker)).toMatchFileSnapshot(file);
});
