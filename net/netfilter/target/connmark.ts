/**
 * The `CONNMARK` target: the mark of the connection, and copies between it and the packet's.
 * Mirrors `extensions/libxt_CONNMARK.c` (revision 1) and `net/netfilter/xt_connmark.c`.
 */
import { Outcome, type Target, type TargetKind } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import { badInteger, type MaskedValue } from '../options.ts';
import { hexText, parseUnsigned32 } from '../protocols.ts';
import { MARK_OPTIONS, markChangeText, parseMarkOption } from './mark.ts';

class ConnmarkTarget implements Target {
  #mode: 'set' | 'save' | 'restore' | undefined = undefined;
  #change: MaskedValue = { value: 0, mask: 0 };
  #packetMask = 0xffff_ffff;
  #connectionMask = 0xffff_ffff;

  option(name: string, value: string): string | undefined {
    if (name === '--mask' || name === '--nfmask' || name === '--ctmask') {
      const mask = parseUnsigned32(value);
      if (mask === undefined) return badInteger('CONNMARK', name);
      if (name !== '--ctmask') this.#packetMask = mask;
      if (name !== '--nfmask') this.#connectionMask = mask;
      // behind a mark that is set it is that one's mask
      if (name !== '--nfmask' && this.#mode === 'set') this.#change = { ...this.#change, mask };
      return undefined;
    }
    if (name === '--save-mark' || name === '--restore-mark') {
      this.#mode = name === '--save-mark' ? 'save' : 'restore';
      return undefined;
    }
    const change = parseMarkOption('CONNMARK', name, value);
    if (typeof change === 'string') return change;
    this.#mode = 'set';
    this.#change = change;
    return undefined;
  }

  finish(): string | undefined {
    return this.#mode === undefined ? 'CONNMARK target: No operation specified' : undefined;
  }

  run(inspection: Inspection): Outcome {
    const { packet } = inspection;
    const { connection } = packet;
    if (connection === undefined) return Outcome.next;
    const [packetMask, connectionMask] = [this.#packetMask, this.#connectionMask];
    if (this.#mode === 'set') {
      connection.mark = ((connection.mark & ~this.#change.mask) ^ this.#change.value) >>> 0;
    } else if (this.#mode === 'save') {
      connection.mark = ((connection.mark & ~connectionMask) ^ (packet.mark & packetMask)) >>> 0;
    } else {
      packet.mark = ((packet.mark & ~packetMask) ^ (connection.mark & connectionMask)) >>> 0;
    }
    return Outcome.next;
  }

  save(): string {
    if (this.#mode === 'set') {
      return ` --set-xmark ${hexText(this.#change.value)}/${hexText(this.#change.mask)}`;
    }
    const masks = `--nfmask ${hexText(this.#packetMask)} --ctmask ${hexText(this.#connectionMask)}`;
    return ` --${this.#mode}-mark ${masks}`;
  }

  list(): string {
    if (this.#mode === 'set') return ` CONNMARK ${markChangeText(this.#change)}`;
    const [packetMask, connectionMask] = [this.#packetMask, this.#connectionMask];
    const [from, to] = [hexText(connectionMask), hexText(packetMask)];
    let mask = '';
    if (packetMask !== connectionMask) {
      mask =
        this.#mode === 'save' ? ` nfmask ${to} ctmask ~${from}` : ` ctmask ${from} nfmask ~${to}`;
    } else if (packetMask !== 0xffff_ffff) {
      mask = ` mask ${hexText(packetMask)}`;
    }
    return ` CONNMARK ${this.#mode}${mask}`;
  }
}

/** `-j CONNMARK`. */
export const connmarkTarget: TargetKind = {
  name: 'CONNMARK',
  options: [
    '--set-xmark=',
    '--set-mark=',
    '--and-mark=',
    '--or-mark=',
    '--xor-mark=',
    '--save-mark',
    '--restore-mark',
    '--mask=',
    '--nfmask=',
    '--ctmask=',
  ],
  exclusive: [
    [...MARK_OPTIONS, '--save-mark', '--restore-mark'],
    ['--nfmask', '--mask'],
    ['--ctmask', '--mask'],
  ],
  needsTracking: true,
  create: () => new ConnmarkTarget(),
};
