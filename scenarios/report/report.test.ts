/**
 * Every rendering of one small result, as people and programs see it.
 */
import { expect, test } from 'vitest';
import type { RunResult } from '../result.ts';
import { formatJsonReport } from './json.ts';
import { formatJunitReport } from './junit.ts';
import { formatTerminalReport } from './terminal.ts';

const RESULT: RunResult = {
  schemaVersion: 1,
  swarmlab: '0.1.0',
  scenario: 'A worker <crashes>',
  file: 'crash.yaml',
  seed: '7',
  configHash: 'c0ffee',
  digest: '5eed',
  verdict: 'failed',
  virtualSeconds: 60,
  measures: {
    'membership.detected': { value: 6.2141, unit: 's', what: 'the first member declared it dead' },
    'networkdb.converged': { value: null, unit: 's', what: 'the last table change' },
    'traffic.votes.sent': { value: 1500, unit: 'count', what: 'requests' },
    'traffic.votes.loss': { value: 0.0213, unit: 'ratio', what: 'requests without an answer' },
  },
  traffic: [
    {
      name: 'votes',
      lossWindows: [
        {
          fromSeconds: 30.012,
          untilSeconds: 33.5,
          failed: 32,
          kinds: [
            { kind: 'timeout', count: 30 },
            { kind: 'reset', count: 2 },
          ],
        },
      ],
      servers: [
        { server: 'vote.1', answered: 1000, share: 0.68119 },
        { server: 'vote.2', answered: 468, share: 0.31881 },
      ],
    },
  ],
  commands: [],
  tables: [
    {
      event: 'crash',
      atSeconds: 30,
      changeCount: 12,
      known: [
        { percent: 50, seconds: 0.2 },
        { percent: 90, seconds: 0.4 },
        { percent: 99, seconds: 0.61 },
        { percent: 100, seconds: 12.5 },
      ],
      forgotten: [{ percent: 100, seconds: 6.31 }],
      slowest: [
        {
          table: 'endpoint_table',
          key: '0123456789abcdef',
          kind: 'create',
          writer: 'worker-1',
          atSeconds: 44,
          known: [{ node: 'worker-3', seconds: 12.5 }],
        },
      ],
    },
  ],
  expectations: [
    {
      text: 'node worker-2 is down within 17s of crash',
      met: true,
      measured: '15.2s',
      file: 'crash.yaml',
      line: 12,
    },
    {
      text: 'traffic votes loses at most 1%',
      met: false,
      measured: '2.13% (32 of 1500)',
      file: 'crash.yaml',
      line: 13,
    },
  ],
  timeline: [
    { atNs: 30_000_000_000, topic: 'fault', node: 'worker-2', text: 'crash worker-2' },
    { atNs: 36_214_100_000, topic: 'membership', node: 'worker-1', text: 'worker-2 is dead' },
  ],
  warnings: ['no service publishes port 8080'],
};

test('the terminal report', () => {
  const replay = 'swarmlab run crash.yaml --seed 7';
  const report = formatTerminalReport(RESULT, { hasColour: false, replay });
  expect(report).toMatchInlineSnapshot(`
    "A worker <crashes>

    Timeline
      30.000000000  fault       worker-2  crash worker-2
      36.214100000  membership  worker-1  worker-2 is dead

    Measures
      membership.detected  6.214s  the first member declared it dead
      networkdb.converged   never  the last table change
      traffic.votes.sent     1500  requests
      traffic.votes.loss    2.13%  requests without an answer

    Tables
      after  changes    p50    p90    p99   last  forgotten  the slowest
      crash       12  200ms  400ms  610ms  12.5s      6.31s  create endpoint_table 0123456789ab, worker-1 → worker-3

    Traffic
      traffic  failed from  until  requests  how
      votes        30.012s  33.5s        32  30 timeout, 2 reset
      
      traffic  answered by  requests  share
      votes    vote.1           1000  68.1%
      votes    vote.2            468  31.9%

    Expectations
      ✓  node worker-2 is down within 17s of crash  15.2s
      ✗  traffic votes loses at most 1%             2.13% (32 of 1500)

    warning: no service publishes port 8080

    verdict       failed, 1 of 2 expectations met
    virtual time  60 s
    seed          7
    digest        5eed
    replay        swarmlab run crash.yaml --seed 7
    "
  `);
});

test('the terminal report in colour says the same', () => {
  const options = { replay: 'swarmlab run crash.yaml --seed 7' };
  const plain = formatTerminalReport(RESULT, { ...options, hasColour: false });
  const coloured = formatTerminalReport(RESULT, { ...options, hasColour: true });
  expect(coloured).not.toBe(plain);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape code starts with one
  expect(coloured.replace(/\u001b\[[0-9;]*m/g, '')).toBe(plain);
});

test('the JSON document is the result, with its fields in a fixed order', () => {
  const text = formatJsonReport(RESULT);
  expect(JSON.parse(text)).toEqual(RESULT);
  const { measures, ...rest } = RESULT;
  expect(formatJsonReport({ measures, ...rest })).toBe(text);
  expect(Object.keys(JSON.parse(text)).slice(0, 3)).toEqual([
    'schemaVersion',
    'swarmlab',
    'scenario',
  ]);
});

test('the JUnit document', () => {
  const document = formatJunitReport([RESULT]).replaceAll(/ (?=\w+=)/g, '\n    ');
  expect(document).toMatchInlineSnapshot(`
    "<?xml
        version="1.0"
        encoding="UTF-8"?>
    <testsuites>
      <testsuite
        name="A worker &lt;crashes&gt;"
        file="crash.yaml"
        tests="2"
        failures="1"
        errors="0"
        time="60">
        <properties>
          <property
        name="seed"
        value="7"/>
          <property
        name="digest"
        value="5eed"/>
          <property
        name="configHash"
        value="c0ffee"/>
          <property
        name="swarmlab"
        value="0.1.0"/>
        </properties>
        <testcase
        name="node worker-2 is down within 17s of crash"
        classname="A worker &lt;crashes&gt;"
        file="crash.yaml"
        line="12"/>
        <testcase
        name="traffic votes loses at most 1%"
        classname="A worker &lt;crashes&gt;"
        file="crash.yaml"
        line="13">
          <failure
        message="measured: 2.13% (32 of 1500)">crash.yaml:13: traffic votes loses at most 1%
    measured: 2.13% (32 of 1500)
    seed 7</failure>
        </testcase>
      </testsuite>
    </testsuites>
    "
  `);
});
