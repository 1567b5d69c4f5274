/**
 * What `--add-host` says: `name:address`, since 25 `name=address` and brackets around an address, or
 * `host-gateway` for the host's own (docker/cli `opts/hosts.go`, `ValidateExtraHost`).
 */

import { parseIp } from '../../wire/ip-address.ts';
import { HOST_GATEWAY } from '../daemon/requests.ts';

/** `name:address` as dockerd is given it, or what is wrong. */
export type ExtraHost = { readonly line: string } | { readonly error: string };

/** Reads one entry. */
export function parseExtraHost(text: string): ExtraHost {
  const equals = text.indexOf('=');
  const at = equals < 0 ? text.indexOf(':') : equals;
  const name = text.slice(0, Math.max(at, 0));
  if (name === '' || name.includes(':')) {
    return { error: `bad format for add-host: ${JSON.stringify(text)}` };
  }
  const bare = text.slice(at + 1).replace(/^\[(.+)\]$/, '$1');
  if (bare === HOST_GATEWAY || parseIp(bare) !== undefined) return { line: `${name}:${bare}` };
  return { error: `invalid IP address in add-host: ${JSON.stringify(bare)}` };
}
