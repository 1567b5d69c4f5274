/**
 * The softirq backlog of one host: where a frame waits between a veth's or loopback's `transmit`
 * and its receiver (`netif_rx`, `process_backlog`).
 *
 * A sender never runs the receiver inside its own call, so a conversation between two containers
 * does not nest and no socket is entered twice. Frames are handed on at the same virtual instant,
 * in order. A host that moves more than a budget of frames in one instant (a loop between two
 * bridges) goes on a millisecond later, as a saturated CPU would, instead of for ever.
 * Mirrors net/core/dev.c.
 */
import { type EventQueue, NO_EVENT } from '../../sim/event-queue.ts';
import { MILLISECOND_NS } from '../../sim/time.ts';
import type { Packet } from '../packet.ts';
import type { Device } from './device.ts';

/** Frames that a host can move in one millisecond: one per microsecond. */
const BUDGET_FRAMES = 1000;
/** Frames that wait at most; more are dropped, as `netdev_max_backlog` demands per CPU. */
const WAITING_FRAMES_MAX = 65_536;

/** Frames on their way between the devices of one host, oldest first. */
export class Backlog {
  readonly #queue: EventQueue;
  /** Never cut short, only reused: an array that grows from nothing is allocated at each frame. */
  readonly #packets: (Packet | undefined)[] = [];
  readonly #devices: (Device | undefined)[] = [];
  #head = 0;
  #end = 0;
  #event = NO_EVENT;
  #isDraining = false;
  /** Frames handed on, refused for want of room, and how often the budget was not enough. */
  processedCount = 0;
  droppedCount = 0;
  squeezedCount = 0;
  #budgetAtNs = -1;
  #budgetLeft = BUDGET_FRAMES;

  constructor(queue: EventQueue) {
    this.#queue = queue;
  }

  /** How many frames wait. */
  get waitingCount(): number {
    return this.#end - this.#head;
  }

  /** Hands a frame to `device.receive` soon; false when the backlog is full. */
  enqueue(device: Device, packet: Packet): boolean {
    if (this.#end - this.#head >= WAITING_FRAMES_MAX) {
      this.droppedCount++;
      return false;
    }
    this.#packets[this.#end] = packet;
    this.#devices[this.#end++] = device;
    if (!this.#isDraining && this.#event === NO_EVENT) {
      this.#event = this.#queue.scheduleCallback(this.#queue.nowNs, this.#drain);
    }
    return true;
  }

  readonly #drain = (nowNs: number): void => {
    this.#event = NO_EVENT;
    this.#isDraining = true;
    if (this.#budgetAtNs !== nowNs) {
      this.#budgetAtNs = nowNs;
      this.#budgetLeft = BUDGET_FRAMES;
    }
    while (this.#head < this.#end && this.#budgetLeft > 0) {
      this.#budgetLeft--;
      const packet = this.#packets[this.#head]!;
      const device = this.#devices[this.#head]!;
      this.#packets[this.#head] = undefined;
      this.#devices[this.#head] = undefined;
      this.#head++;
      this.processedCount++;
      device.receive(packet);
    }
    this.#isDraining = false;
    if (this.#head === this.#end) {
      this.#head = 0;
      this.#end = 0;
      return;
    }
    this.squeezedCount++;
    this.#packets.splice(0, this.#head);
    this.#devices.splice(0, this.#head);
    this.#end -= this.#head;
    this.#head = 0;
    this.#event = this.#queue.scheduleCallback(nowNs + MILLISECOND_NS, this.#drain);
  };
}
