/**
 * Several who capture on one device at once: a `--pcap`, and every `tcpdump` that runs there.
 */
import type { Device, DeviceTap } from './device.ts';

const TAPS = new WeakMap<Device, DeviceTap[]>();

/** Lets `tap` see every frame of the device, beside those who see them already; undo with the answer. */
export function addTap(device: Device, tap: DeviceTap): () => void {
  const taps = TAPS.get(device) ?? (device.tap === undefined ? [] : [device.tap]);
  TAPS.set(device, taps);
  taps.push(tap);
  install(device, taps);
  return () => {
    const place = taps.indexOf(tap);
    if (place >= 0) taps.splice(place, 1);
    install(device, taps);
  };
}

function install(device: Device, taps: readonly DeviceTap[]): void {
  if (taps.length < 2) device.tap = taps[0];
  else {
    device.tap = (from, packet, isOutgoing) => {
      // one that has seen enough goes while the others are told
      for (const tap of [...taps]) tap(from, packet, isOutgoing);
    };
  }
}
