/**
 * Releases of Linux that swarm hosts run, and where they differ in what users notice. A host's kernel
 * is one of them (`HostCounters.kernel`); everything else here is as the newest has it.
 */

/**
 * The releases, as `uname -r` begins, without what their stable series took over later. Each stands for
 * those up to the next.
 */
export const KERNEL_RELEASES = ['4.15', '5.4', '5.15', '6.1'] as const;
/** One of {@link KERNEL_RELEASES}. */
export type KernelRelease = (typeof KERNEL_RELEASES)[number];

/** What tells the releases apart. */
export interface KernelTraits {
  readonly release: KernelRelease;
  /** Permanent neighbours fill the table like others (until 58956317c8de, 5.0). */
  readonly countsPermanentNeighbours: boolean;
  /**
   * ipvs drops a SYN for which it gives up an old connection whenever conntrack follows that one,
   * rather than only when the SYN itself belongs to it (until f0a5e4d7a594, 5.9).
   */
  readonly losesReusedSyn: boolean;
  /** With `expire_nodest_conn`, connections end with their real server (since 04231e52d355, 5.9). */
  readonly flushesRemovedServers: boolean;
  /** Tunnels under a bridge tell senders what does not fit (since 4cb47a8644cc, 5.9). */
  readonly tunnelsTellMtu: boolean;
  /** `conn_reuse_mode` 0 keeps new SYNs at a server of weight 0, too (until c95c07836fa4, 5.16). */
  readonly reuseModeHoldsQuiesced: boolean;
}

/** The release of hosts that name none. */
export const DEFAULT_KERNEL: KernelTraits = {
  release: '6.1',
  countsPermanentNeighbours: false,
  losesReusedSyn: false,
  flushesRemovedServers: true,
  tunnelsTellMtu: true,
  reuseModeHoldsQuiesced: false,
};

/** What a release does. */
export function kernelOf(release: KernelRelease): KernelTraits {
  const isBefore = (other: KernelRelease) =>
    KERNEL_RELEASES.indexOf(release) < KERNEL_RELEASES.indexOf(other);
  return {
    release,
    countsPermanentNeighbours: isBefore('5.4'),
    losesReusedSyn: isBefore('5.15'),
    flushesRemovedServers: !isBefore('5.15'),
    tunnelsTellMtu: !isBefore('5.15'),
    reuseModeHoldsQuiesced: isBefore('6.1'),
  };
}
