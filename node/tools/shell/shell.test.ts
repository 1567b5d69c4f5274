// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are a shell's
/**
 * What a shell makes of a text, compared with what dash printed of it (Debian 12): expansions, loops,
 * here documents, functions, redirections.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Lab } from '../../../net/testing/lab.ts';
import { launch } from '../launch.ts';

/** What `sh -c text` prints, on either stream. */
function run(text: string): string {
  const lab = new Lab();
  const namespace = lab.namespace('host');
  const resolver = { servers: [], search: [] };
  const place = { namespace, resolver, hosts: new Map(), source: 0, namespaces: new Map() };
  let output = '';
  const onOutput = (more: string) => {
    output += more;
  };
  launch(place, ['sh', '-c', text], { onOutput, onExit: () => {} });
  lab.run(5);
  return output;
}

test('awk, sed, tr, seq, printf and xargs print what Debian 12 prints', () => {
  const read = (name: string) => readFileSync(new URL(`testdata/${name}`, import.meta.url), 'utf8');
  expect(run(`{ ${read('between-pipes.sh')} } 2> /dev/null`)).toBe(read('between-pipes.out'));
});

const CASES: readonly (readonly [string, string])[] = [
  ['x=5; echo $x "${x}a" \'$x\' ${y:-none} ${#x} $((x*2+1))', '5 5a $x none 1 11\n'],
  ['for i in 1 2 3; do echo n$i; done | tail -n 1', 'n3\n'],
  ['i=0; while [ $i -lt 3 ]; do i=$((i+1)); [ $i = 2 ] && continue; echo $i; done', '1\n3\n'],
  ['echo a b c | while read p q; do echo "$q-$p"; done', 'b c-a\n'],
  ['f() { echo "f $1 $#"; return 3; }; f x y; echo $?', 'f x 2\n3\n'],
  ['n=$(echo 4 5 | wc -w); echo "n is $n"', 'n is 2\n'],
  ['case eth0 in lo) echo no;; eth*) echo eth;; esac', 'eth\n'],
  ['x=1; (cd /tmp; x=9; echo $PWD $x); echo $x', '/tmp 9\n1\n'],
  ['file=a/b/c.txt; echo ${file##*/} ${file%.*} ${file%%/*} ${file#a/}', 'c.txt a/b/c a b/c.txt\n'],
  ["x=5; cat <<END\nx is $x\nEND\ncat <<'END'\nx is $x\nEND", 'x is 5\nx is $x\n'],
  ['until [ "$k" = aaa ]; do k=a$k; done; echo $k', 'aaa\n'],
  ['{ echo g1; echo g2; } > g; while read l; do last=$l; done < g; echo last=$last', 'last=g2\n'],
  ['set -- p "q r"; for a in "$@"; do echo "<$a>"; done; set --; echo "$@" $#', '<p>\n<q r>\n0\n'],
  ['x=1 y=2; echo $((x << 3 | y)) $((x == 1 ? 7 : 8)) $((y += 5)) $y', '10 7 7 7\n'],
  ['x=; echo "${z:-a  b}" ${z:-a  b} "${x:+no}" ${z+no}', 'a  b a b \n'],
  ['a=$(false); echo $?; true; b=3; echo $?', '1\n0\n'],
  [
    'for i in 1 2 3 4; do for j in 1 2; do [ $i = 2 ] && continue 2; [ $i = 3 ] && break 2; echo $i$j; done; done',
    '11\n12\n',
  ],
  ['echo out; echo err >&2; { echo both; echo two >&2; } > f 2>&1; cat f', 'out\nerr\nboth\ntwo\n'],
  ['! false && echo negated; false || ! true || echo third', 'negated\nthird\n'],
  ['echo a \\\n  b # comment\necho c', 'a b\nc\n'],
  ['x="a b"; for w in $x "$x"; do echo "[$w]"; done', '[a]\n[b]\n[a b]\n'],
  ['v=1; read v < /dev/null; echo "$? <$v>"', '1 <>\n'],
  ['eval "y=\\$((2 + 2))"; echo $y `echo back`tick', '4 backtick\n'],
  ['sleep 1 & wait $!; echo $?; kill 99', '0\nsh: 1: kill: No such process\n'],
];

test.each(CASES)('%s', (text, printed) => {
  expect(run(text)).toBe(printed);
});

test.each([
  ['echo a | | cat', '"|" unexpected'],
  ['while true; do echo x', 'end of file unexpected (expecting "done")'],
  ['if true; fi', '"fi" unexpected (expecting "then")'],
  ['echo "a', 'Unterminated quoted string'],
  ['(echo', 'end of file unexpected (expecting ")")'],
  ['for x in 1 2 do echo; done', '"done" unexpected (expecting "do")'],
  ['echo a &&', 'end of file unexpected'],
  ['; echo', '";" unexpected'],
  ['echo )', '")" unexpected'],
  ['done', '"done" unexpected'],
  ['echo $((1+', "Missing '))'"],
  ['x=${a', "Missing '}'"],
])('%s is no command line', (text, wrong) => {
  expect(run(text)).toBe(`sh: 1: Syntax error: ${wrong}\n`);
});
