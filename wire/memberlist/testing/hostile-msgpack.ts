/**
 * Test support: MessagePack that means harm and looks like memberlist's. Maps have the fields of real
 * messages with values of any type, lengths and counts that are not those that follow, keys twice or
 * not at all, and structures within structures.
 */
import fc from 'fast-check';

/** Fields of memberlist's and serf's messages. */
const KEYS = [
  ...[
    'Addr',
    'Algo',
    'Buf',
    'Error',
    'From',
    'Incarnation',
    'Join',
    'Meta',
    'Nack',
    'Name',
    'Node',
  ],
  ...['Nodes', 'Payload', 'Port', 'SeqNo', 'SourceAddr', 'SourceNode', 'SourcePort', 'State'],
  ...['Target', 'UserMsgLen', 'UserStateLen', 'Vsn', 'LTime', 'Events', 'StatusLTimes', 'Filters'],
  ...['LeftMembers', 'Timeout', 'ID', 'Flags', 'CC', 'Vec', 'Tags', 'DestAddr', 'EventLTime'],
];

const word = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });
const content = fc.uint8Array({ maxLength: 24 });

/** A type byte with a length or count of `size` bytes, which may claim anything, and what follows. */
const claim = (types: readonly number[], size: number) =>
  fc
    .tuple(
      fc.constantFrom(...types),
      fc.oneof(word(size), fc.constant(new Uint8Array(size).fill(255))),
    )
    .map(([type, length]) => Uint8Array.of(type, ...length));

const NOT_A_NUMBER = Uint8Array.of(0x7f, 0xf8, 0, 0, 0, 0, 0, 0);

const scalar: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.nat(255).map((byte) => Uint8Array.of(byte)),
  ...[1, 2, 4, 8].map((size, i) =>
    fc.tuple(fc.constantFrom(0xcc + i, 0xd0 + i), word(size)).map(joined),
  ),
  fc.tuple(fc.constant(0xca), word(4)).map(joined),
  fc.tuple(fc.constant(0xcb), fc.oneof(word(8), fc.constant(NOT_A_NUMBER))).map(joined),
  fc.tuple(claim([0xc4, 0xc7, 0xd9], 1), content).map(concatenated),
  fc.tuple(claim([0xc5, 0xc8, 0xda], 2), content).map(concatenated),
  fc.tuple(claim([0xc6, 0xc9, 0xdb], 4), content).map(concatenated),
  content.map((bytes) => Uint8Array.of(0xa0 + bytes.length, ...bytes)),
);

function joined([type, bytes]: [number, Uint8Array]): Uint8Array {
  return Uint8Array.of(type, ...bytes);
}

const key = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...KEYS).map(textOf) },
  { weight: 1, arbitrary: scalar },
);

function textOf(text: string): Uint8Array {
  return Uint8Array.of(0xa0 + text.length, ...new TextEncoder().encode(text));
}

/** Arrays and maps of one element, or of as many as their next bytes say: each other's. */
const NESTING = [0x91, 0xdc, 0xdd, 0x81, 0xde, 0xdf];

function nested([type, depth]: [number, number]): Uint8Array {
  return new Uint8Array(depth).fill(type);
}

/** The head of up to 15 elements. */
function short(type: number): fc.Arbitrary<Uint8Array> {
  return fc.nat(15).map((count) => Uint8Array.of(type + count));
}

/** Any value: arrays and maps whose counts need not be right, nested a little or very deeply. */
const { value } = fc.letrec<{ value: Uint8Array; list: Uint8Array; map: Uint8Array }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    scalar,
    tie('list'),
    tie('map'),
    fc.tuple(fc.constantFrom(...NESTING), fc.integer({ min: 1, max: 3000 })).map(nested),
  ),
  list: fc
    .tuple(
      fc.oneof(claim([0xdc], 2), claim([0xdd], 4), short(0x90)),
      fc.array(tie('value'), { maxLength: 4 }),
    )
    .map(([head, items]) => concatenated([head, ...items])),
  map: fc
    .tuple(
      fc.oneof(claim([0xde], 2), claim([0xdf], 4), short(0x80)),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 5 }),
    )
    .map(([head, pairs]) => concatenated([head, ...pairs.flat()])),
}));

/** A map with fields of messages, its count mostly right. */
export const hostileMaps: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.array(fc.tuple(key, value), { maxLength: 8 }), fc.constantFrom(0, 0, 0, 1, -1))
  .map(([pairs, error]) => {
    const count = Math.min(15, Math.max(0, pairs.length + error));
    return concatenated([Uint8Array.of(0x80 + count), ...pairs.flat()]);
  });

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
