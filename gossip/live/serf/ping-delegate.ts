/**
 * Coordinates in acks: a member as a serf agent tells its own, and moves by those that it is told
 * (serf `ping_delegate.go`). Without them, `serf rtt` knows nothing of the members.
 */
import { drawUnit } from '../../../sim/chance.ts';
import { decodeCoordinate, encodeCoordinate } from '../../../wire/serf/coordinate.ts';
import type { LiveContext, LiveMember } from '../live-member.ts';
import { updateVivaldi } from './vivaldi.ts';

/** What goes with an ack; nil among other programs than serf agents. */
export function ackPayloadOf(context: LiveContext, member: LiveMember): Uint8Array | undefined {
  if (context.peers !== 'serf') return undefined;
  return encodeCoordinate(member.serf.vivaldi.coordinate);
}

/** A direct ping was answered so much later. */
export function onPingComplete(
  context: LiveContext,
  member: LiveMember,
  roundTripNs: number,
  payload: Uint8Array | undefined,
): void {
  if (context.peers !== 'serf' || payload === undefined || payload.length === 0) return;
  const other = decodeCoordinate(payload);
  if (other === undefined) {
    context.counters.badUserMessages++;
    return;
  }
  const draw = (): number => drawUnit(context.drawKey, context.drawCount++);
  updateVivaldi(member.serf.vivaldi, other, roundTripNs, draw);
}
