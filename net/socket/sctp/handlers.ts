/**
 * What an association tells its program; every handler may be left out, and one object can serve many.
 * A handler may call any method of the association, `close` and `abort` included.
 */
import type { CloseReason } from '../tcp/handlers.ts';
import type { SctpAssociation } from './association.ts';

/** A program's part of an association. */
export interface SctpHandlers {
  /** The handshake is complete. */
  onConnected?(association: SctpAssociation): void;
  /** A whole message came; the bytes may be kept, but not changed. */
  onMessage?(bytes: Uint8Array, association: SctpAssociation, stream: number): void;
  /** The association is over; nothing follows. `association.errno` has more than the reason. */
  onClosed?(reason: CloseReason, association: SctpAssociation): void;
}
