/**
 * Timers that belong to a node's process: they end with it, and while it is paused (SIGSTOP) what
 * falls due waits until it runs again.
 */
import type { NodeState, State } from '../state.ts';

/** Runs `action` unless the node has stopped; a paused node runs it when it resumes. */
export function runOrDefer(node: NodeState, action: (nowNs: number) => void, nowNs: number): void {
  if (!node.isRunning) return;
  if (node.isPaused) node.deferred.push(action);
  else action(nowNs);
}

/** Calls `action` at an instant, in ns. */
export function atInstant(
  state: State,
  node: NodeState,
  atNs: number,
  action: (nowNs: number) => void,
): void {
  state.world.queue.scheduleCallback(atNs, (nowNs) => {
    if (!node.isRunning) return;
    state.watches.enter();
    runOrDefer(node, action, nowNs);
    state.watches.leave(nowNs);
  });
}

/** Calls `action` after a span, in ns. */
export function afterDelay(
  state: State,
  node: NodeState,
  delayNs: number,
  action: (nowNs: number) => void,
): void {
  atInstant(state, node, state.nowNs + delayNs, action);
}

/** A result callback of the carrier, bound to the node's process and to the watch queue. */
export function onResultOf(
  state: State,
  node: NodeState,
  callback: (ok: boolean) => void,
): (ok: boolean, nowNs: number) => void {
  return (ok, nowNs) => {
    state.watches.enter();
    runOrDefer(node, () => callback(ok), nowNs);
    state.watches.leave(nowNs);
  };
}
