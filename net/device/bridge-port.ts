/**
 * A device's part as the port of a bridge: its flags and what `ip -d link` prints of them.
 * Mirrors `struct net_bridge_port` (net/bridge/br_private.h).
 */
import type { Bridge } from './bridge.ts';
import type { Device } from './device.ts';

/** A port. */
export class BridgePort {
  readonly device: Device;
  readonly bridge: Bridge;
  /** From 1, the lowest that was free. */
  readonly number: number;
  /** STP's path cost: 2 for a veth on recent kernels, 100 for what tells no speed. */
  cost: number;
  priority = 32;
  /** Source addresses of its frames are learned. */
  isLearning = true;
  /** Frames to unknown unicast addresses leave by it. */
  isFlooding = true;
  isBroadcastFlooding = true;
  isMulticastFlooding = true;
  /** A frame may leave by the port that it came in by. */
  isHairpin = false;
  /** Frames between two isolated ports are dropped. */
  isIsolated = false;
  /** Set with carrier; without it nothing passes (`state disabled`). */
  isForwarding = false;

  constructor(device: Device, bridge: Bridge, number: number) {
    this.device = device;
    this.bridge = bridge;
    this.number = number;
    this.cost = device.kind === 'veth' || device.kind === 'ethernet' ? 2 : 100;
  }
}
