/**
 * Test support: the bytes of real memberlist nodes in test/fixtures/memberlist-wire.json, as a list
 * of packets and a list of streams, each with what it must decode to.
 *
 * Encoder cases and captures look alike here: a packet of a capture is one more packet.
 */
import { readFileSync } from 'node:fs';
import { bytesOfHex } from '../../testing/frames.ts';
import { Keyring } from '../encrypt.ts';

/** A layer around a message; which fields there are depends on `layer`. */
interface FixtureLayer {
  readonly layer: 'label' | 'encrypt' | 'hasCrc' | 'compress';
  readonly label?: string;
  readonly key?: string;
  readonly nonce?: string;
  readonly version?: number;
}

/** The meaning of some bytes as the fixture states it. */
export interface FixtureMeaning {
  readonly layers: readonly FixtureLayer[];
  // biome-ignore lint/suspicious/noExplicitAny: a message is whatever the Go program printed
  readonly message: any;
}

/** Bytes and their meaning. */
export interface FixtureCase {
  readonly name: string;
  readonly hex: string;
  readonly meaning: FixtureMeaning;
  /** True for the side of a stream that accepted. */
  readonly isReply: boolean;
  /** True for captures of nodes that compress: what is not compressed was no gain. */
  readonly isCaptured: boolean;
}

interface FixtureEvent {
  readonly proto?: string;
  readonly hex?: string;
  readonly decoded?: FixtureMeaning;
  readonly requestHex?: string;
  readonly request?: FixtureMeaning;
  readonly replyHex?: string;
  readonly reply?: FixtureMeaning;
}

interface FixtureFile {
  readonly kind: 'packet' | 'stream' | 'capture';
  readonly hex: string;
  readonly decoded: FixtureMeaning;
  readonly events?: readonly FixtureEvent[];
}

const path = new URL('../../../test/fixtures/memberlist-wire.json', import.meta.url);
const files: Record<string, FixtureFile> = JSON.parse(readFileSync(path, 'utf8')).files;

/** The names of all fixtures. */
export const fixtureNames: readonly string[] = Object.keys(files);

/** Every UDP payload, of encoder cases and captures. */
export const packetCases: readonly FixtureCase[] = casesOf('packet', (event) =>
  event.proto === 'udp' ? [[event.hex, event.decoded, false]] : [],
);

/** Every side of a TCP connection that wrote something. */
export const streamCases: readonly FixtureCase[] = casesOf('stream', (event) => [
  [event.requestHex, event.request, false],
  [event.replyHex, event.reply, true],
]);

type Side = [hex: string | undefined, meaning: FixtureMeaning | undefined, isReply: boolean];

function casesOf(kind: string, sidesOf: (event: FixtureEvent) => Side[]): FixtureCase[] {
  const cases: FixtureCase[] = [];
  for (const [name, file] of Object.entries(files)) {
    if (file.kind === kind) {
      const { hex, decoded: meaning } = file;
      cases.push({ name, hex, meaning, isReply: false, isCaptured: false });
    }
    file.events?.forEach((event, i) => {
      for (const [hex, meaning, isReply] of sidesOf(event)) {
        if (hex === undefined || hex === '' || meaning === undefined) continue;
        cases.push({ name: `${name} ${i}`, hex, meaning, isReply, isCaptured: true });
      }
    });
  }
  return cases;
}

/** The layers of a case, as the arguments of encoders and decoders. */
export function layersOf({ meaning, isCaptured }: FixtureCase): {
  label: string;
  keyring: Keyring | undefined;
  nonce: Uint8Array;
  protocolVersion: number;
  crc: boolean;
  compress: boolean;
} {
  const layer = (name: string) => meaning.layers.find((found) => found.layer === name);
  const encryption = layer('encrypt');
  const key = bytesOfHex(encryption?.key ?? '');
  return {
    label: layer('label')?.label ?? '',
    keyring: key.length === 0 ? undefined : (Keyring.of([], key) as Keyring),
    nonce: bytesOfHex(encryption?.nonce ?? ''),
    protocolVersion: encryption?.version === 0 ? 1 : 2,
    crc: layer('hasCrc') !== undefined,
    compress: isCaptured || layer('compress') !== undefined || meaning.message.code === 9,
  };
}
