/**
 * For tests of wrong input: a scenario `x.yaml` with a stack `s.yaml`, and what loading says of them.
 */
import { loadScenario } from '../load.ts';

const HEAD = `name: x
cluster: { managers: 1, workers: 2 }
stack: s.yaml
until: 60s
`;

const STACK = `services:
  web:
    image: nginx
    ports: ["80:80"]
`;

/** A mistake: a whole scenario, or more lines after a sound one, or a stack; and the complaint. */
export interface Mistake {
  readonly name: string;
  readonly scenario?: string;
  /** Follows four sound lines. */
  readonly more?: string;
  readonly stack?: string;
  /** For every issue its place and message, and its hint. */
  readonly says: readonly string[];
}

/** What loading says: two texts per issue. */
export function complaintsOf(mistake: Mistake): string[] {
  const files: Readonly<Record<string, string>> = {
    'x.yaml': mistake.scenario ?? HEAD + (mistake.more ?? ''),
    's.yaml': mistake.stack ?? STACK,
  };
  const { issues } = loadScenario('x.yaml', (path) => files[path]);
  return issues.flatMap((issue) => {
    const place = `${issue.file}:${issue.line}:${issue.column}`;
    const severity = issue.isWarning ? 'warning' : 'error';
    return [`${place}: ${severity}: ${issue.message}`, `hint: ${issue.hint}`];
  });
}

/** A text without the indentation of its place in a test. */
export function yaml(strings: TemplateStringsArray): string {
  const lines = strings[0]!.split('\n').slice(1, -1);
  const indent = Math.min(...lines.map((line) => line.search(/\S/)).filter((at) => at >= 0));
  return `${lines.map((line) => line.slice(indent)).join('\n')}\n`;
}
