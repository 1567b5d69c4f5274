/**
 * The public face of the package: run a scenario, and the types of what comes out.
 *
 * Everything else is the house behind it and may change; see docs/architecture.md.
 */
export type { Issue } from './scenarios/language/issue.ts';
export type { ScenarioInput } from './scenarios/language/scenario.ts';
export type {
  ExpectationOutcome,
  Measure,
  RunResult,
  TimelineLine,
} from './scenarios/result.ts';
export { ScenarioError, type SimulateOptions, simulate } from './scenarios/simulate.ts';
export { VERSION } from './scenarios/version.ts';
