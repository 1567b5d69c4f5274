/**
 * Keyrings that change while members run, by the names of their keys (memberlist `keyring.go`
 * `AddKey`, `UseKey`, `RemoveKey`): the first key is the primary one, which encrypts.
 */

/** What can be done with a key. */
export const KEYRING_CHANGES = ['install', 'use', 'remove'] as const;
/** See {@link KEYRING_CHANGES}. */
export type KeyringChange = (typeof KEYRING_CHANGES)[number];

/** The keyring afterwards; upstream's text of what forbids it. */
export function changedKeyring(
  keyring: readonly string[],
  change: KeyringChange,
  key: string,
): readonly string[] | string {
  const others = keyring.filter((other) => other !== key);
  switch (change) {
    case 'install':
      return keyring.includes(key) ? keyring : [...keyring, key];
    case 'use':
      return keyring.includes(key) ? [key, ...others] : 'Requested key is not in the keyring';
    case 'remove':
      return keyring[0] === key ? 'Removing the primary key is not allowed' : others;
  }
}
