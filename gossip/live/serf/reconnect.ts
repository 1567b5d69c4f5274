/**
 * A member as a serf agent tries to reach those that failed, now and then one of them (serf `serf.go`
 * `reconnect`).
 */
import { drawUnit } from '../../../sim/chance.ts';
import { SECOND_NS } from '../../../sim/time.ts';
import { SerfStatus } from '../../../wire/serf/message.ts';
import { drawLive, type LiveContext, type LiveMember, later } from '../live-member.ts';
import { pushPullNode } from '../live-push-pull.ts';
import { reapGone } from './gone.ts';

/** `ReconnectInterval`; who is gone is reaped as often, upstream every 15 s. */
const RECONNECT_INTERVAL_NS = 30 * SECOND_NS;

/** Starts the ticker. */
export function armReconnect(context: LiveContext, member: LiveMember): void {
  later(context, member, context.world.nowNs + RECONNECT_INTERVAL_NS, () => {
    reapGone(context, member);
    reconnect(context, member);
    armReconnect(context, member);
  });
}

/** The fewer have failed, the more seldom one of them is tried. */
function reconnect(context: LiveContext, member: LiveMember): void {
  if (context.peers !== 'serf' || member.hasLeft) return;
  const all = [...member.list, ...member.gone.values()];
  const failed = all.filter(({ serfStatus }) => serfStatus === SerfStatus.failed);
  if (failed.length === 0) return;
  const leftCount = all.filter(({ serfStatus }) => serfStatus === SerfStatus.left).length;
  const aliveCount = Math.max(1, all.length - failed.length - leftCount);
  if (drawUnit(context.drawKey, context.drawCount++) > failed.length / aliveCount) return;
  const node = failed[drawLive(context, failed.length)]!;
  pushPullNode(context, member, node, true, () => {});
}
