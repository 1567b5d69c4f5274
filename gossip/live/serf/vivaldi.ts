/**
 * Where a member places itself among the others by the round trips of its pings: Vivaldi with
 * height, adjustment and gravity, as serf has it (serf `coordinate/client.go`, `coordinate.go`).
 * Without serf's median over the last three round trips to the same node, which would have to be
 * kept for every pair.
 */
import { SECOND_NS } from '../../../sim/time.ts';
import { COORDINATE_DIMENSIONS, type Coordinate } from '../../../wire/serf/coordinate.ts';

// serf `coordinate/config.go`
const ERROR_MAX = 1.5;
const CE = 0.25;
const CC = 0.25;
const ADJUSTMENT_WINDOW = 20;
const HEIGHT_MIN_SECONDS = 10e-6;
const GRAVITY_RHO = 150;

/** Nearer is the same place, a shorter round trip counts as this. */
const ZERO_SECONDS = 1e-6;
const ROUND_TRIP_NS_MAX = 10 * SECOND_NS;

/** A member's own place, and the samples of its adjustment. */
export interface Vivaldi {
  coordinate: Coordinate;
  /** Seconds; a ring. */
  readonly adjustments: Float64Array;
  adjustmentIndex: number;
}

const ORIGIN: Coordinate = {
  vector: new Array<number>(COORDINATE_DIMENSIONS).fill(0),
  error: ERROR_MAX,
  adjustmentSeconds: 0,
  heightSeconds: HEIGHT_MIN_SECONDS,
};

/** At the origin, without confidence. */
export function createVivaldi(): Vivaldi {
  const adjustments = new Float64Array(ADJUSTMENT_WINDOW);
  return { coordinate: ORIGIN, adjustments, adjustmentIndex: 0 };
}

/** Takes in that a ping to whoever is at `other` took so long; `draw` is uniform in [0, 1). */
export function updateVivaldi(
  vivaldi: Vivaldi,
  other: Coordinate,
  roundTripNs: number,
  draw: () => number,
): void {
  if (roundTripNs < 0 || roundTripNs > ROUND_TRIP_NS_MAX) return;
  const seconds = roundTripNs / SECOND_NS;
  let own = moved(vivaldi.coordinate, other, Math.max(seconds, ZERO_SECONDS), draw);
  vivaldi.adjustments[vivaldi.adjustmentIndex] = seconds - rawDistanceOf(own, other);
  vivaldi.adjustmentIndex = (vivaldi.adjustmentIndex + 1) % ADJUSTMENT_WINDOW;
  const sum = vivaldi.adjustments.reduce((total, sample) => total + sample, 0);
  own = { ...own, adjustmentSeconds: sum / (2 * ADJUSTMENT_WINDOW) };
  own = pushed(own, -((distanceOf(ORIGIN, own) / GRAVITY_RHO) ** 2), ORIGIN, draw);
  const all = [...own.vector, own.error, own.adjustmentSeconds, own.heightSeconds];
  vivaldi.coordinate = all.every(Number.isFinite) ? own : ORIGIN;
}

/** Estimated seconds of a round trip, with both adjustments. */
function distanceOf(a: Coordinate, b: Coordinate): number {
  const raw = rawDistanceOf(a, b);
  const adjusted = raw + a.adjustmentSeconds + b.adjustmentSeconds;
  return adjusted > 0 ? adjusted : raw;
}

/** Nearer to the other or away from it, the more the less it is believed. */
function moved(
  own: Coordinate,
  other: Coordinate,
  seconds: number,
  draw: () => number,
): Coordinate {
  const distance = distanceOf(own, other);
  const wrongness = Math.abs(distance - seconds) / seconds;
  const weight = own.error / Math.max(own.error + other.error, ZERO_SECONDS);
  const error = Math.min(ERROR_MAX, CE * weight * wrongness + own.error * (1 - CE * weight));
  return pushed({ ...own, error }, CC * weight * (seconds - distance), other, draw);
}

function pushed(own: Coordinate, force: number, other: Coordinate, draw: () => number): Coordinate {
  const difference = own.vector.map((component, i) => component - other.vector[i]!);
  const apart = magnitudeOf(difference);
  const isApart = apart > ZERO_SECONDS;
  const way = isApart ? difference : difference.map(() => draw() - 0.5);
  const length = isApart ? apart : magnitudeOf(way);
  const vector = own.vector.map((component, i) => component + (force * way[i]!) / length);
  if (!isApart) return { ...own, vector };
  const height = own.heightSeconds + ((own.heightSeconds + other.heightSeconds) * force) / apart;
  return { ...own, vector, heightSeconds: Math.max(height, HEIGHT_MIN_SECONDS) };
}

function rawDistanceOf(a: Coordinate, b: Coordinate): number {
  const difference = a.vector.map((component, i) => component - b.vector[i]!);
  return magnitudeOf(difference) + a.heightSeconds + b.heightSeconds;
}

function magnitudeOf(vector: readonly number[]): number {
  return Math.sqrt(vector.reduce((sum, component) => sum + component * component, 0));
}
