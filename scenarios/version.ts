/**
 * The version of swarmlab, which every result names. It is the package's version; a test holds the
 * two together, so that no file has to be read to know it.
 */

/** The version of this package. */
export const VERSION = '0.1.0';
