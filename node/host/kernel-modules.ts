/**
 * The kernel modules that Docker's swarm needs and that a host's kernel may lack. dockerd logs what
 * it could not do and goes on, so that users see a service that runs and a port that nobody answers.
 */

/** `ip_vs` balances; `esp` (esp4) encrypts overlays. */
export const KERNEL_MODULES = ['ip_vs', 'esp'] as const;
/** One of {@link KERNEL_MODULES}. */
export type KernelModule = (typeof KERNEL_MODULES)[number];
