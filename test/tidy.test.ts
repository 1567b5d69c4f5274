/**
 * The house rules that a program can judge: floors, determinism, sizes, prose. Each failure names
 * file and line and says what to do. The rules are in docs/ (architecture and conventions).
 */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { determinismProblems } from './tidy/determinism.ts';
import { circleProblems, floorProblems } from './tidy/floors.ts';
import { playedProblems } from './tidy/played.ts';
import {
  docstringProblems,
  exportProblems,
  fileNameProblems,
  machineProblems,
  moduleCommentProblems,
  switchedOffProblems,
} from './tidy/prose.ts';
import { fileProblems, folderProblems, functionProblems, lineProblems } from './tidy/sizes.ts';
import { sourcesOf, textFilesOf } from './tidy/sources.ts';

const files = textFilesOf(fileURLToPath(new URL('..', import.meta.url)));
const sources = sourcesOf(files);

test.each([
  ['files import from their own folder and from lower floors', floorProblems(sources)],
  ['no circles at run time', circleProblems(sources)],
  ['nothing below floor 7 depends on anything but the seed', determinismProblems(sources)],
  ['lines are at most 120 columns long', lineProblems(sources)],
  ['functions are at most 80 lines long', functionProblems(sources)],
  ['files are at most 600 lines long', fileProblems(sources)],
  ['folders hold at most 20 files', folderProblems(files)],
  ['a file says at its head what it is', moduleCommentProblems(sources)],
  ['an export has a docstring', docstringProblems(sources)],
  ['a file is called after what it holds', fileNameProblems(files)],
  ['exports are named', exportProblems(sources)],
  ['nothing names a machine or a package host', machineProblems(files)],
  ['every test runs', switchedOffProblems(sources)],
  ['every rule of gossip is played by tests that there are', playedProblems(files)],
])('%s', (_, problems) => {
  expect.soft(problems.length, `\n${problems.join('\n')}\n`).toBe(0);
});
