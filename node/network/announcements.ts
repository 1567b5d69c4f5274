/**
 * How a new endpoint tells its address since 28: unsolicited ARP, three times within two seconds unless
 * the network says otherwise, so that whoever knew the address with another MAC learns of it
 * (`osl/interface_linux.go`, `advertiseAddrs`; `network_unix.go` for the options).
 */
import type { Device } from '../../net/device/device.ts';
import { announce } from '../../net/neighbour/arp.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import type { World } from '../../sim/world.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import { failure, type Refusal } from '../daemon/refusal.ts';

/** How often an endpoint tells its address, and the time between. */
export interface Announcements {
  readonly count: number;
  readonly gapNs: number;
}

/** As a network has them that says nothing of it. */
export const DEFAULT_ANNOUNCEMENTS: Announcements = { count: 3, gapNs: SECOND_NS };

const COUNT = 'com.docker.network.advertise_addr_nmsgs';
const GAP_MS = 'com.docker.network.advertise_addr_ms';
const COUNT_MAX = 3;
const GAP_MS_MIN = 100;
const GAP_MS_MAX = 2000;

/** What a network's options say of it. */
export function announcementsOf(options: ReadonlyMap<string, string>): Announcements | Refusal {
  const { count, gapNs } = DEFAULT_ANNOUNCEMENTS;
  const countText = options.get(COUNT) ?? String(count);
  const gapText = options.get(GAP_MS) ?? String(gapNs / MILLISECOND_NS);
  const problems = [
    rangeProblem(COUNT, countText, 'an integer', 0, COUNT_MAX),
    rangeProblem(GAP_MS, gapText, 'integer milliseconds', GAP_MS_MIN, GAP_MS_MAX),
  ].flatMap((problem) => problem ?? []);
  if (problems.length > 0) return failure(problems.join('\n'));
  return { count: Number(countText), gapNs: Number(gapText) * MILLISECOND_NS };
}

function rangeProblem(
  name: string,
  text: string,
  wanted: string,
  min: number,
  max: number,
): string | undefined {
  if (!/^[+-]?\d+$/.test(text)) return `value for option ${name} "${text}" must be ${wanted}`;
  const isInside = Number(text) >= min && Number(text) <= max;
  return isInside ? undefined : `${name} must be in the range ${min} to ${max}`;
}

/** Tells a device's address now and then again, while `isThere`. */
export function announceRepeatedly(
  world: World,
  { count, gapNs }: Announcements,
  device: Device,
  address: Ipv4Address,
  isThere: () => boolean,
): void {
  if (count === 0 || !isThere() || !device.isUp) return;
  announce(device, address);
  if (count === 1) return;
  const { queue } = world;
  queue.scheduleCallback(queue.nowNs + gapNs, () => {
    announceRepeatedly(world, { count: count - 1, gapNs }, device, address, isThere);
  });
}
