/**
 * serf's tags in a node's meta: a mark, and a map of texts (serf `serf.go` `encodeTags`,
 * `decodeTags`). Agents of before tags had a role, which is the whole meta without a mark.
 */
import { MsgpackReader } from '../memberlist/msgpack-reader.ts';
import { MsgpackWriter } from '../memberlist/msgpack-writer.ts';

/** The first byte of a meta of tags (`tagMagicByte`). */
export const TAG_MAGIC_BYTE = 0xff;

/** The meta of a node with these tags. */
export function encodeTags(tags: ReadonlyMap<string, string>): Uint8Array {
  const writer = new MsgpackWriter().byte(TAG_MAGIC_BYTE).map(tags.size);
  for (const [tag, value] of tags) writer.text(tag).text(value);
  return writer.take();
}

/** The tags in a meta; none when it cannot be read. */
export function decodeTags(meta: Uint8Array): Map<string, string> {
  const tags = new Map<string, string>();
  if (meta[0] !== TAG_MAGIC_BYTE) {
    const role = new TextDecoder().decode(meta);
    return role === '' ? tags : tags.set('role', role);
  }
  const reader = new MsgpackReader(meta, 1, meta.length);
  for (let left = reader.mapKeyCount(); left > 0 && reader.failure === undefined; left--) {
    tags.set(reader.text(), reader.text());
  }
  return reader.failure === undefined ? tags : new Map();
}
