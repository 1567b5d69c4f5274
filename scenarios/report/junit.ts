/**
 * Results as JUnit's XML, which every CI server reads: a scenario is a test suite, an expectation a
 * test case. Times are virtual, so that the same seed gives the same document.
 */
import type { ExpectationOutcome, RunResult } from '../result.ts';

/** Renders results as one document, a final newline included. */
export function formatJunitReport(results: readonly RunResult[]): string {
  const suites = results.map(suiteOf);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('')}</testsuites>\n`;
}

function suiteOf(result: RunResult): string {
  const { expectations } = result;
  const attributes = attributesOf({
    name: result.scenario,
    file: result.file,
    tests: expectations.length,
    failures: expectations.filter((outcome) => !outcome.met).length,
    errors: 0,
    time: result.virtualSeconds,
  });
  const properties = Object.entries({
    seed: result.seed,
    digest: result.digest,
    configHash: result.configHash,
    swarmlab: result.swarmlab,
  }).map(([name, value]) => `      <property${attributesOf({ name, value })}/>\n`);
  const cases = expectations.map((outcome) => caseOf(outcome, result));
  const lines = ['    <properties>\n', ...properties, '    </properties>\n', ...cases];
  return `  <testsuite${attributes}>\n${lines.join('')}  </testsuite>\n`;
}

function caseOf(outcome: ExpectationOutcome, result: RunResult): string {
  const attributes = attributesOf({
    name: outcome.text,
    classname: result.scenario,
    file: outcome.file,
    line: outcome.line,
  });
  if (outcome.met) return `    <testcase${attributes}/>\n`;
  const message = `measured: ${outcome.measured}`;
  const text = `${outcome.file}:${outcome.line}: ${outcome.text}\n${message}\nseed ${result.seed}`;
  const failure = `      <failure${attributesOf({ message })}>${escapeXml(text)}</failure>\n`;
  return `    <testcase${attributes}>\n${failure}    </testcase>\n`;
}

function attributesOf(attributes: Readonly<Record<string, string | number>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** Control characters that XML 1.0 cannot hold become question marks. */
function escapeXml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML forbids
  const printable = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '?');
  return printable.replace(/[&<>"]/g, (character) => ENTITIES[character]!);
}
