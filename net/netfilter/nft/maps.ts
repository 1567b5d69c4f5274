/**
 * Verdict maps: from interface names to what becomes of a packet, as `iifname vmap @name` asks.
 */
import type { MapVerdict, NftMap, NftTable } from './rule.ts';
import type { Word, WordReader } from './words.ts';

const NO_SUCH_CHAIN = 'Could not process rule: No such file or directory';

/** The map that the next word names; `message` refuses one that there is not. */
export function mapOf(reader: WordReader, table: NftTable, message: string): NftMap {
  const name = reader.take();
  const map = table.maps.get(name.text);
  if (map === undefined) throw reader.problem(message, name);
  return map;
}

/** `add map ip t m { type ifname : verdict; }`. */
export function addMap(reader: WordReader, table: NftTable): void {
  const name = reader.take();
  reader.must('{');
  for (const word of ['type', 'ifname', ':', 'verdict']) reader.must(word);
  reader.takeIf(';');
  reader.must('}');
  if (table.maps.has(name.text)) return;
  const map = { name: name.text, handle: table.nextHandle(), elements: new Map() };
  table.maps.set(map.name, map);
}

/** `{ "docker0" : jump c, … }`. */
export function addElements(reader: WordReader, table: NftTable, map: NftMap): void {
  reader.must('{');
  const added = new Map<string, MapVerdict>();
  while (!reader.takeIf('}')) {
    const key = reader.take();
    reader.must(':');
    const verb = reader.take();
    const isVerdict = verb.text === 'accept' || verb.text === 'drop';
    const chain = isVerdict ? '' : reader.take().text;
    if (!isVerdict && !table.hasChain(chain)) throw reader.problem(NO_SUCH_CHAIN, key);
    added.set(key.text, { verb: verb.text as MapVerdict['verb'], chain });
    reader.takeIf(',');
  }
  for (const [key, verdict] of added) map.elements.set(key, verdict);
}

/** The keys between braces; verdicts behind them are not looked at. */
export function keysOf(reader: WordReader): Word[] {
  reader.must('{');
  const keys: Word[] = [];
  while (!reader.takeIf('}')) {
    keys.push(reader.take());
    while (reader.next !== ',' && reader.next !== '}') reader.take();
    reader.takeIf(',');
  }
  return keys;
}
