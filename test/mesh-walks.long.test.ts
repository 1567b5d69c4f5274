/**
 * Overlay and mesh with every engine: which of the written walks each has, letter for letter.
 */
import { expect, test } from 'vitest';
import { walksOfEncryption, walksOfMesh } from './support/mesh-walks.ts';

/** The engine whose file holds the walks: through the mesh, and over an encrypted network. */
const SAME_AS: Readonly<Record<string, readonly [mesh: string, encrypted: string]>> = {
  '23': ['20.10', '23'],
  '24': ['20.10', '28'],
  '25': ['20.10', '28'],
  '26': ['20.10', '28'],
  '27': ['20.10', '28'],
  '29': ['29', '28'],
  '30': ['29', '28'],
};

test.each(Object.entries(SAME_AS))('engine %s', async (docker, [mesh, encrypted]) => {
  await expect(walksOfMesh(docker)).toMatchFileSnapshot(`testdata/packet-walks/mesh-${mesh}.txt`);
  const file = `testdata/packet-walks/mesh-encrypted-${encrypted}.txt`;
  await expect(walksOfEncryption(docker)).toMatchFileSnapshot(file);
});
