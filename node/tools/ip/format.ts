/**
 * What the options before the object of an `ip` command line say about its output.
 */

/** How to print. */
export interface IpFormat {
  /** 4 or 6 for one family, 0 for both. */
  readonly family: 0 | 4 | 6;
  /** `-d` */
  readonly hasDetails: boolean;
  /** `-s` */
  readonly hasStatistics: boolean;
  /** `-o` */
  readonly isOneLine: boolean;
  /** `-br` */
  readonly isBrief: boolean;
  /** `-j`, and `-p` with it. */
  readonly isJson: boolean;
  readonly isPretty: boolean;
}
