/**
 * `serf keys`: queries that install, use, remove and list keys of each member's own ring (serf
 * `internal_query.go` `handleInstallKey` and what follows it).
 */
import { observationKind } from '../../../sim/observations.ts';
import type { Keyring } from '../../../wire/memberlist/encrypt.ts';
import {
  decodeKeyRequest,
  encodeKeyResponse,
  type KeyResponse,
} from '../../../wire/serf/message.ts';
import type { Query } from '../../../wire/serf/query.ts';
import type { LiveContext, LiveMember } from '../live-member.ts';

/** Keys that a ring takes: as many as serf's list of them can show. */
const KEYS_MAX = 16;

/** A query has changed the keys of a member. */
export const SERF_KEYS_CHANGED = observationKind('serf.keys');

const EMPTY: KeyResponse = { result: false, message: '', keys: [], primaryKey: '' };

/** The payload of the answer; `undefined` for a query about something else. */
export function answerKeyQuery(
  context: LiveContext,
  member: LiveMember,
  query: Query,
): Uint8Array | undefined {
  const verb = /^_serf_(install|use|remove|list)-keys?$/.exec(query.name)?.[1];
  if (verb === undefined) return undefined;
  const response = responseTo(verb, member.keyring, query.payload);
  if (response.result && verb !== 'list') context.world.observe(SERF_KEYS_CHANGED, member.index);
  return encodeKeyResponse(response);
}

function responseTo(verb: string, keyring: Keyring | undefined, payload: Uint8Array): KeyResponse {
  const isList = verb === 'list';
  if (keyring?.primary === undefined) {
    const what = isList ? 'Keyring is empty' : 'No keyring to modify';
    return { ...EMPTY, message: `${what} (encryption not enabled)` };
  }
  if (isList) {
    const keys = keyring.keys.map(base64Of);
    return { result: true, message: '', keys, primaryKey: keys[0]! };
  }
  const key = decodeKeyRequest(payload);
  if (key === undefined) return EMPTY;
  const message = change(verb, keyring, key) ?? '';
  return { ...EMPTY, result: message === '', message };
}

/** The text of what forbids it. */
function change(verb: string, keyring: Keyring, key: Uint8Array): string | undefined {
  if (verb === 'use') return keyring.use(key);
  if (verb === 'remove') return keyring.remove(key);
  return keyring.keys.length < KEYS_MAX
    ? keyring.add(key)
    : `a keyring has ${KEYS_MAX} keys at most`;
}

function base64Of(key: Uint8Array): string {
  return Buffer.from(key).toString('base64');
}
