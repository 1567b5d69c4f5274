/**
 * macvlan: devices with MAC addresses of their own behind one parent.
 *
 * What they send goes out of the parent's wire, past its namespace's stack; in bridge mode siblings
 * reach each other directly. What comes in is told apart by destination. Parent and macvlans never
 * hear each other, which is why a host cannot ping its own macvlan containers.
 * Mirrors drivers/net/macvlan.c.
 */
import { formatMac, isGroupMac, type Mac } from '../../wire/addresses.ts';
import { destinationMacOf, setDestinationMac, sourceMacOf } from '../../wire/ethernet.ts';
import type { Packet } from '../packet.ts';
import type { Device } from './device.ts';
import { StackedDevice } from './stacked-device.ts';

/**
 * How siblings may talk: directly, by the wire's switch, or not at all; with `source` a device hears
 * whoever is on its list.
 */
export type MacvlanMode = 'bridge' | 'vepa' | 'private' | 'passthru' | 'source';

/** A macvlan device. */
export class Macvlan extends StackedDevice {
  readonly kind = 'macvlan';
  readonly mode: MacvlanMode;
  /** In source mode: from whom it takes frames (`macaddr add`). */
  readonly sources = new Set<Mac>();

  /** In passthru mode it takes the parent's MAC address, whatever `mac` says. */
  constructor(name: string, parent: Device, mac: Mac, mode: MacvlanMode = 'bridge') {
    super(name, parent, mode === 'passthru' ? parent.mac : mac);
    this.mode = mode;
    this.takesEveryFrame = mode === 'passthru';
    parent.frameHandler = receiveOnParent;
  }

  override get linkDetail(): string {
    const list = [...this.sources].map((mac) => ` ${formatMac(mac)}`).join('');
    const sources = this.mode === 'source' ? ` remotes (${this.sources.size})${list}` : '';
    return `mode ${this.mode} bcqueuelen 1000 usedbcqueuelen 1000${sources}`;
  }

  override transmit(packet: Packet): void {
    if (!this.isUp || !this.parent.isUp) {
      this.dropTransmit(packet, 'device is down');
      return;
    }
    this.countTransmit(packet);
    if (this.mode === 'bridge') {
      const destination = destinationMacOf(packet.bytes, packet.start);
      if (isGroupMac(destination)) this.#broadcast(packet);
      else {
        const sibling = siblingWithMac(this.parent, destination);
        if (sibling?.mode === 'bridge' && sibling !== this) {
          packet.scrub();
          this.namespace.host.backlog.enqueue(sibling, packet);
          return;
        }
      }
    }
    this.parent.transmit(packet);
  }

  override onUpChange(): void {
    if (this.mode === 'passthru') this.parent.promiscuity += this.isUp ? 1 : -1;
    else if (this.isUp) this.parent.addExtraMac(this.mac);
    else this.parent.removeExtraMac(this.mac);
  }

  override onOwnMac(old: Mac): void {
    if (!this.isUp || this.mode === 'passthru') return;
    this.parent.removeExtraMac(old);
    this.parent.addExtraMac(this.mac);
  }

  override onParentMac(): void {
    if (this.mode === 'passthru') this.followMac();
  }

  override onRemove(): void {
    super.onRemove();
    this.release(receiveOnParent);
  }

  #broadcast(packet: Packet): void {
    for (const sibling of siblingsOf(this.parent)) {
      if (sibling === this || sibling.mode !== 'bridge' || !sibling.isUp) continue;
      const copy = packet.clone();
      copy.scrub();
      sibling.statistics.rxMulticast++;
      this.namespace.host.backlog.enqueue(sibling, copy);
    }
  }
}

/** The macvlans of a parent, in the order of their making. */
function siblingsOf(parent: Device): Macvlan[] {
  return parent.uppers.filter((upper) => upper instanceof Macvlan);
}

function siblingWithMac(parent: Device, mac: Mac): Macvlan | undefined {
  return siblingsOf(parent).find((sibling) => sibling.mac === mac);
}

/** Tells frames from the wire apart (`macvlan_handle_frame`); false leaves one to the parent. */
function receiveOnParent(parent: Device, packet: Packet): boolean {
  const siblings = siblingsOf(parent);
  const { bytes, start } = packet;
  giveToSources(parent, siblings, packet);
  const destination = destinationMacOf(bytes, start);
  if (isGroupMac(destination)) {
    const source = siblingWithMac(parent, sourceMacOf(bytes, start));
    for (const sibling of siblings) {
      if (sibling === source || !sibling.isUp || !hears(sibling, source)) continue;
      sibling.statistics.rxMulticast++;
      sibling.receive(packet.clone());
    }
    return false;
  }
  const first = siblings[0];
  const target = first?.mode === 'passthru' ? first : siblingWithMac(parent, destination);
  if (target === undefined || target.mode === 'source') return false;
  target.receive(packet);
  return true;
}

/**
 * Copies a frame to the devices that have its sender on their lists, whomever it is for; what is for the
 * parent is for them, too (`macvlan_forward_source`).
 */
function giveToSources(parent: Device, siblings: readonly Macvlan[], packet: Packet): void {
  const { bytes, start } = packet;
  const source = sourceMacOf(bytes, start);
  for (const sibling of siblings) {
    if (sibling.mode !== 'source' || !sibling.isUp || !sibling.sources.has(source)) continue;
    const copy = packet.clone();
    if (destinationMacOf(bytes, start) === parent.mac) {
      setDestinationMac(copy.bytes, copy.start, sibling.mac);
    }
    sibling.receive(copy);
  }
}

/** Who hears a broadcast that came back from the wire's switch. */
function hears(sibling: Macvlan, source: Macvlan | undefined): boolean {
  if (sibling.mode === 'source') return false;
  if (source === undefined) return true;
  if (source.mode === 'vepa') return sibling.mode === 'vepa' || sibling.mode === 'bridge';
  return source.mode === 'bridge' && sibling.mode === 'vepa';
}
