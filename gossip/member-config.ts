/**
 * What follows in a configuration from the version of memberlist and from the keyring: a memberlist
 * without labels has none, and keys with names are a keyring.
 */
import type { SwimConfig } from './constants.ts';

/** The configuration with its consequences. */
export function memberConfigOf(config: SwimConfig): SwimConfig {
  const { memberlist, label, hasKeyring, keyring } = config;
  return {
    ...config,
    label: memberlist.hasLabels ? label : '',
    hasKeyring: hasKeyring || keyring.length > 0,
  };
}
