/**
 * A member as a serf agent tries to reach those that failed, now and then one of them (serf `serf.go`
 * `reconnect`).
 */
import { drawUnit } from '../../../sim/chance.ts';
import { SECOND_NS } from '../../../sim/time.ts';
import { SerfStatus } from '../../../wire/serf/message.ts';
import {
  drawLive,
  type LiveContext,
  type LiveMember,
  type LiveNode,
  later,
} from '../live-member.ts';
import { pushPullNode } from '../live-push-pull.ts';
import { reapGone } from './gone.ts';

/** `ReconnectInterval`; who is gone is reaped as often, upstream every 15 s. */
const RECONNECT_INTERVAL_NS = 30 * SECOND_NS;

/** Starts the ticker, at a drawn instant: members of one process would all tick in one otherwise. */
export function startReconnect(context: LiveContext, member: LiveMember): void {
  armReconnect(context, member, drawLive(context, RECONNECT_INTERVAL_NS));
}

function armReconnect(context: LiveContext, member: LiveMember, delayNs: number): void {
  later(context, member, context.world.nowNs + delayNs, () => {
    if (context.peers === 'serf' && !member.hasLeft) {
      reapGone(context, member);
      reconnect(context, member);
    }
    armReconnect(context, member, RECONNECT_INTERVAL_NS);
  });
}

/** The fewer have failed, the more seldom one of them is tried. */
function reconnect(context: LiveContext, member: LiveMember): void {
  const failed: LiveNode[] = [];
  let aliveCount = 0;
  const look = (node: LiveNode): void => {
    if (node.serfStatus === SerfStatus.failed) failed.push(node);
    else if (node.serfStatus !== SerfStatus.left) aliveCount++;
  };
  member.list.forEach(look);
  member.gone.forEach(look);
  if (failed.length === 0) return;
  const isTried = drawUnit(context.drawKey, context.drawCount++) * aliveCount <= failed.length;
  if (!isTried) return;
  const node = failed[drawLive(context, failed.length)]!;
  pushPullNode(context, member, node, true, () => {});
}
