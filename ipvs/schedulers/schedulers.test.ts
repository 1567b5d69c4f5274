/**
 * Every scheduler step by step: destinations a, b, … come, go, change weight and load, and the
 * choices are those of the kernel's algorithms. A new destination is the first of the list.
 */
import { expect, test } from 'vitest';
import { ip } from '../../net/testing/lab.ts';
import { Service } from '../service.ts';
import { DestinationTrash } from '../trash.ts';
import { schedulerOf } from './by-name.ts';

const LETTERS = 'abcdefgh';

/**
 * Runs `flags 1; add a 2; active a 3; next 4; from 5 4; …`; the letters that were chosen, `-` for none.
 * `next` takes another client each time, `from` another port of the same one.
 */
function run(scheduler: string, script: string): string {
  const service = new Service(
    { fwmark: 256 },
    schedulerOf(scheduler)!,
    new DestinationTrash(() => 0),
  );
  let chosen = '';
  let client = 0;
  for (const command of script.split(';')) {
    const [verb, word = '', number = '1'] = command.trim().split(' ');
    const address = ip(`10.0.0.${LETTERS.indexOf(word) + 1}`);
    const destination = service.find(address, 0);
    if (verb === 'add') service.add(address, 0, Number(number), 'masq');
    else if (verb === 'del') service.remove(address, 0);
    else if (verb === 'weight') service.setWeight(address, 0, Number(number));
    else if (verb === 'active') destination!.activeCount = Number(number);
    else if (verb === 'inactive') destination!.inactiveCount = Number(number);
    else if (verb === 'overload') destination!.isOverloaded = Number(number) === 1;
    else if (verb === 'flags') service.schedulerFlags = Number(word);
    else {
      const isSame = verb === 'from';
      for (let i = 0; i < Number(isSame ? number : word); i++) {
        const end = ip('192.0.2.0') + (isSame ? Number(word) : ++client);
        const sourcePort = 1024 + (isSame ? i : 0);
        const ends = { sourceAddress: end, sourcePort, destinationAddress: end };
        const choice = service.scheduler.schedule(service, ends);
        chosen += choice === undefined ? '-' : LETTERS.charAt((choice.address & 255) - 1);
      }
      chosen += ' ';
    }
  }
  return chosen.trim();
}

test.each([
  ['rr', 'next 1', '-'],
  ['rr', 'add a; add b; add c; next 7', 'cbacbac'],
  ['rr', 'add a; add b; add c; weight b 0; next 4; weight b 1; next 3', 'caca cba'],
  ['rr', 'add a; add b; add c; overload c 1; next 4', 'baba'],
  ['rr', 'add a; add b; add c; next 2; del b; next 3', 'cb aca'],
  ['rr', 'add a; add b; add c; next 1; del c; next 3', 'c bab'],
  ['rr', 'add a; add b; add c; next 3; del c; next 2', 'cba ba'],
  ['rr', 'add a; add b; next 1; add c; next 4', 'b acba'],
  ['rr', 'add a 0; add b 0; next 2', '--'],
  ['wrr', 'next 1; add a 0; next 1; weight a 1; next 2', '- - aa'],
  ['wrr', 'add c 2; add b 3; add a 4; next 15', 'abcaababcabcaab'],
  ['wrr', 'add a 2; add b 4; next 9', 'babbabbab'],
  ['wrr', 'add b 1; add a 3; next 4; weight b 3; next 4; del a; next 2', 'abaa abab bb'],
  ['wrr', 'add b 1; add a 3; overload a 1; next 3; overload b 1; next 2', 'bbb --'],
  ['wrr', 'add a 1; add b 1; next 3; weight a 0; next 3', 'bab bbb'],
  [
    'lc',
    'add a; add b; active a 1; next 1; inactive b 255; next 1; inactive b 257; next 1',
    'b b a',
  ],
  ['lc', 'add a; add b; add c; weight c 0; next 2; overload b 1; next 1', 'bb a'],
  ['wlc', 'add a 2; add b 1; active a 1; active b 1; next 1; active a 3; next 1', 'a b'],
  ['wlc', 'add a 2; add b 1; active a 2; active b 1; next 1; weight b 0; next 1', 'b a'],
  ['sed', 'add a 3; add b 1; next 1; active a 2; next 1; active a 3; next 1', 'a b b'],
  ['nq', 'add a 9; add b 1; next 1; active b 1; next 1; active a 1; next 1', 'b a a'],
  ['nq', 'add a 1; add b 1; overload b 1; next 1; weight a 0; next 1', 'a -'],
  ['sh', 'add a 1; add b 1; add c 2; next 16', 'bcbccacacbcbcbac'],
  ['sh', 'add a 1; add b 1; add c 2; weight c 0; next 16', 'ab-ba-aba-b-a-b-'],
  ['dh', 'add a 1; add b 1; add c 2; next 16', 'abcbacabacbcacbc'],
  ['mh', 'add a 1; add b 1; add c 2; next 16', 'bcccaacbcbcabcac'],
  ['mh', 'add a 1; add b 1; add c 2; weight c 0; next 16', 'b---aa-b-b-ab-a-'],
  ['mh', 'next 1; add a 0; next 1', '- -'],
  ['sh', 'add a 1; add b 1; add c 2; from 1 8', 'bbbbbbbb'],
  ['sh', 'flags 2; add a 1; add b 1; add c 2; from 1 8', 'cbcbccac'],
  ['sh', 'flags 1; add a 1; add b 1; add c 2; weight c 0; next 16', 'ababababaabbabba'],
  ['sh', 'flags 1; add a 1; add b 1; overload a 1; overload b 1; next 2', '--'],
  ['sh', 'flags 3; add a 1; add b 1; add c 2; weight c 0; from 1 8', 'bababbab'],
  ['mh', 'add a 1; add b 1; add c 2; from 1 8', 'bbbbbbbb'],
  ['mh', 'flags 2; add a 1; add b 1; add c 2; from 1 8', 'abccbcca'],
  ['mh', 'flags 1; add a 1; add b 1; add c 2; weight c 0; next 16', 'bbabaabbabbabbaa'],
  ['mh', 'flags 1; add a 1; add b 1; overload a 1; overload b 1; next 2', '--'],
  ['mh', 'flags 3; add a 1; add b 1; add c 2; weight c 0; from 1 8', 'abbabbaa'],
])('%s: %s', (scheduler, script, choices) => {
  expect(run(scheduler, script)).toBe(choices);
});

test('mh moves few clients when a destination goes', () => {
  const before = run('mh', 'add a; add b; add c; add d; next 250');
  const after = run('mh', 'add a; add b; add c; add d; del b; next 250');
  let movedCount = 0;
  for (const [i, choice] of [...before].entries()) {
    if (choice !== 'b' && choice !== after[i]) movedCount++;
  }
  expect(after).not.toContain('b');
  expect(movedCount).toBeLessThan(250 * 0.1);
});

test('a scheduler that the kernel has and we do not is refused', () => {
  expect(schedulerOf('lblcr')).toBeUndefined();
});
