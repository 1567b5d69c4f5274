/**
 * serf's network coordinates in the payload of an ack: a version byte and a map (serf
 * `ping_delegate.go`, `coordinate/coordinate.go`).
 */
import { MsgpackReader } from '../memberlist/msgpack-reader.ts';
import { MsgpackWriter } from '../memberlist/msgpack-writer.ts';

/** `PingVersion`. */
const PING_VERSION = 1;

/** Dimensions of serf's coordinates (`Dimensionality`). */
export const COORDINATE_DIMENSIONS = 8;

/** A place such that the distance of two members is the round trip between them; in seconds. */
export interface Coordinate {
  readonly vector: readonly number[];
  /** How far the estimate is to be believed; less is better, no unit. */
  readonly error: number;
  readonly adjustmentSeconds: number;
  /** What the way to the network itself takes. */
  readonly heightSeconds: number;
}

/** The payload of an ack. */
export function encodeCoordinate(coordinate: Coordinate): Uint8Array {
  const { vector, error, adjustmentSeconds, heightSeconds } = coordinate;
  const writer = new MsgpackWriter().byte(PING_VERSION).map(4);
  writer.text('Adjustment').double(adjustmentSeconds).text('Error').double(error);
  writer.text('Height').double(heightSeconds).text('Vec').array(vector.length);
  for (const component of vector) writer.double(component);
  return writer.take();
}

/** In the order of serf's structure. */
const COORDINATE_FIELDS = ['Vec', 'Error', 'Adjustment', 'Height'];

/** Reads a payload; `undefined` for what is not a finite coordinate of serf's dimensions. */
export function decodeCoordinate(payload: Uint8Array): Coordinate | undefined {
  if (payload[0] !== PING_VERSION) return undefined;
  const reader = new MsgpackReader(payload, 1, payload.length);
  const vector: number[] = [];
  let error = 0;
  let adjustmentSeconds = 0;
  let heightSeconds = 0;
  const count = reader.fieldCount(COORDINATE_FIELDS);
  for (let left = count; left > 0 && reader.failure === undefined; left--) {
    const key = reader.field();
    if (key === 'Adjustment') adjustmentSeconds = reader.double();
    else if (key === 'Error') error = reader.double();
    else if (key === 'Height') heightSeconds = reader.double();
    else if (key !== 'Vec') reader.skip();
    else readVector(reader, vector);
  }
  const all = [...vector, error, adjustmentSeconds, heightSeconds];
  const isValid = vector.length === COORDINATE_DIMENSIONS && all.every(Number.isFinite);
  if (reader.failure !== undefined || !isValid) return undefined;
  return { vector, error, adjustmentSeconds, heightSeconds };
}

function readVector(reader: MsgpackReader, vector: number[]): void {
  for (let left = reader.arrayCount(); left > 0 && reader.failure === undefined; left--) {
    vector.push(reader.double());
  }
}
