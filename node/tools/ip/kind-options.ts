/**
 * What stands behind `type bridge` and `type macvlan`, of a device that is added or changed.
 * Mirrors iproute2 ip/iplink_bridge.c and iplink_macvlan.c.
 */
import type { Bridge } from '../../../net/device/bridge.ts';
import type { Macvlan } from '../../../net/device/macvlan.ts';
import { type Mac, parseMac } from '../../../wire/addresses.ts';
import { IpFailure, refused, type Words, wrong } from './words.ts';

/** The groups that a bridge never lets pass: those of the spanning tree, PAUSE and LACP. */
const RESTRICTED_GROUPS = 0x7;
/** `ageing_time` counts hundredths of a second. */
const TICK_NS = 10_000_000;

/** `group_fwd_mask N`, `ageing_time N`. */
export function takeBridgeOptions(bridge: Bridge, words: Words): void {
  for (;;) {
    if (words.maybe('group_fwd_mask')) {
      const mask = words.number('invalid group_fwd_mask', 0, 0xffff);
      if ((mask & RESTRICTED_GROUPS) !== 0) throw refused('Invalid argument');
      bridge.groupForwardMask = mask;
    } else if (words.maybe('ageing_time')) {
      bridge.fdb.ageingNs = words.number('invalid ageing_time') * TICK_NS;
    } else return;
  }
}

/** `mode M`, `macaddr add|del|set MAC …`, `macaddr flush`. */
export function takeMacvlanOptions(device: Macvlan, words: Words): void {
  while (words.maybe('macaddr')) {
    if (device.mode !== 'source') throw refused('Invalid argument');
    const verb = words.value();
    if (verb === 'flush' || verb === 'set') device.sources.clear();
    if (verb === 'flush') continue;
    if (verb === 'add') device.sources.add(macOf(words.value()));
    else if (verb === 'del') device.sources.delete(macOf(words.value()));
    else if (verb === 'set') {
      while (words.first !== undefined) device.sources.add(macOf(words.value()));
    } else
      throw wrong(`Error: argument "${verb}" is wrong: "macaddr" must be add, del, set or flush`);
  }
}

function macOf(text: string): Mac {
  const mac = parseMac(text);
  if (mac === undefined) throw new IpFailure(1, `"${text}" is invalid lladdr.`);
  return mac;
}
