/**
 * The file of a serf agent's `-keyring-file`: a list of keys in base64, the primary first, which is
 * written anew whenever they change (serf `keymanager.go`, `internal_query.go` `writeKeyringFile`).
 */
import { writeFileSync } from 'node:fs';
import type { Keyring } from '../../wire/memberlist/encrypt.ts';

/** Only its owner may read what is secret. */
const MODE = 0o600;

/** Writes the keys; throws when the file cannot be written. */
export function writeKeyringFile(path: string, { keys }: Keyring): void {
  const texts = keys.map((key) => Buffer.from(key).toString('base64'));
  writeFileSync(path, JSON.stringify(texts, undefined, 2), { mode: MODE });
}
