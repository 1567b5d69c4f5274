/**
 * The result as one JSON document, which `--json` prints. The document is the result object as it
 * is; only the order of its fields is fixed here, so that two versions can be compared as texts.
 */
import type { RunResult } from '../result.ts';

/** Renders the document, a final newline included. */
export function formatJsonReport(result: RunResult): string {
  const document: RunResult = {
    schemaVersion: result.schemaVersion,
    swarmlab: result.swarmlab,
    scenario: result.scenario,
    file: result.file,
    seed: result.seed,
    configHash: result.configHash,
    digest: result.digest,
    verdict: result.verdict,
    virtualSeconds: result.virtualSeconds,
    measures: result.measures,
    tables: result.tables,
    traffic: result.traffic,
    commands: result.commands,
    expectations: result.expectations,
    timeline: result.timeline,
    warnings: result.warnings,
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
