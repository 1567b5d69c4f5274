/**
 * `sysctl` of procps 4: reads and writes the settings of a namespace that the simulation has.
 */
import { parseOptions } from '../options.ts';
import type { Process } from '../process.ts';

const LONGS = {
  all: 'flag',
  ignore: 'flag',
  names: 'flag',
  values: 'flag',
  pattern: 'value',
  quiet: 'flag',
  write: 'flag',
} as const;

const USAGE = `
Usage:
 sysctl [options] [variable[=value] ...]

Options:
  -a, --all            display all variables
  -A                   alias of -a
  -X                   alias of -a
      --deprecated     include deprecated parameters to listing
      --dry-run        Print the key and values but do not write
  -b, --binary         print value without new line
  -e, --ignore         ignore unknown variables errors
  -N, --names          print variable names without values
  -n, --values         print only values of the given variable(s)
  -p, --load[=<file>]  read values from file
  -f                   alias of -p
      --system         read values from all system directories
  -r, --pattern <expression>
                       select setting that match expression
  -q, --quiet          do not echo variable set
  -w, --write          enable writing a value to variable
  -o                   does nothing
  -x                   does nothing
  -d                   alias of -h

 -h, --help     display this help and exit
 -V, --version  output version information and exit

For more details see sysctl(8).
`;

/** `sysctl [-n] [-N] [-e] [-q] [-a [-r pattern]] [-w] name[=value] …`. */
export function sysctl(process: Process, argv: readonly string[]): void {
  const options = parseOptions('sysctl', argv, 'aAXeNnr:qw', LONGS);
  if (typeof options === 'string') {
    process.fail(1, `${options}\n${USAGE}`);
    return;
  }
  const { sysctls } = process.place.namespace;
  const line = (name: string, value: string): string => {
    if (options.has('N', 'names')) return `${name}\n`;
    return options.has('n', 'values') ? `${value}\n` : `${name} = ${value}\n`;
  };
  if (options.has('a', 'A', 'X', 'all')) {
    const pattern = new RegExp(options.value('r', 'pattern') ?? '');
    for (const name of sysctls.names()) {
      if (pattern.test(name)) process.print(line(name, sysctls.text(name)!));
    }
    process.exit(0);
    return;
  }
  if (options.operands.length === 0) {
    process.fail(1, USAGE);
    return;
  }
  let status = 0;
  for (const operand of options.operands) {
    const equals = operand.indexOf('=');
    const name = (equals < 0 ? operand : operand.slice(0, equals)).trim().replaceAll('/', '.');
    if (equals < 0 && options.has('w', 'write')) {
      process.complain('sysctl: command line(0): invalid syntax, continuing...\n');
      status = 1;
      continue;
    }
    if (sysctls.text(name) === undefined) {
      if (options.has('e', 'ignore')) continue;
      const path = `/proc/sys/${name.replaceAll('.', '/')}`;
      process.complain(`sysctl: cannot stat ${path}: No such file or directory\n`);
      status = 1;
      continue;
    }
    if (equals >= 0) {
      const value = operand.slice(equals + 1).trim();
      const isNumber = /^-?\d+$/.test(sysctls.text(name)!);
      if (isNumber && !/^-?\d+$/.test(value)) {
        process.complain(`sysctl: setting key "${name}": Invalid argument\n`);
        status = 1;
        continue;
      }
      sysctls.set(name, /^-?\d+$/.test(value) ? Number(value) : value);
      if (options.has('q', 'quiet')) continue;
    }
    process.print(line(name, sysctls.text(name)!));
  }
  process.exit(status);
}
