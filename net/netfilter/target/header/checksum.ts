/**
 * The `CHECKSUM` target: computes the transport checksum anew. Docker writes it for SCTP.
 * Mirrors `extensions/libxt_CHECKSUM.c`.
 */
import { IpProtocol } from '../../../../wire/ipv4.ts';
import { finishSctpChecksum, SCTP_HEADER_BYTES } from '../../../../wire/sctp.ts';
import { finishTcpChecksum } from '../../../../wire/tcp.ts';
import { finishUdpChecksum } from '../../../../wire/udp.ts';
import { Outcome, type Target, type TargetKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { mustBeSpecified } from '../../options.ts';

class ChecksumTarget implements Target {
  #isFill = false;

  option(): string | undefined {
    this.#isFill = true;
    return undefined;
  }

  finish(): string | undefined {
    return this.#isFill ? undefined : mustBeSpecified('CHECKSUM', '--checksum-fill');
  }

  run(inspection: Inspection): Outcome {
    const { bytes, transportAt, end, source, destination, protocol } = inspection;
    if (protocol === IpProtocol.tcp && inspection.hasTransport(20)) {
      finishTcpChecksum(bytes, transportAt, end - transportAt, source, destination);
    } else if (protocol === IpProtocol.udp && inspection.hasTransport(8)) {
      finishUdpChecksum(bytes, transportAt, end - transportAt, source, destination);
    } else if (protocol === IpProtocol.sctp && inspection.hasTransport(SCTP_HEADER_BYTES)) {
      finishSctpChecksum(bytes, transportAt, end);
    }
    return Outcome.next;
  }

  save(): string {
    return ' --checksum-fill';
  }

  list(): string {
    return ' CHECKSUM fill';
  }
}

/** `-j CHECKSUM`. */
export const checksumTarget: TargetKind = {
  name: 'CHECKSUM',
  options: ['--checksum-fill'],
  tables: ['mangle'],
  create: () => new ChecksumTarget(),
};
