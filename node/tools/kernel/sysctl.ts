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

/** `sysctl [-n] [-N] [-e] [-q] [-a [-r pattern]] [-w] name[=value] …`. */
export function sysctl(process: Process, argv: readonly string[]): void {
  const options = parseOptions('sysctl', argv, 'aAXeNnr:qw', LONGS);
  if (typeof options === 'string') {
    process.fail(1, `${options}\n\nFor more details see sysctl(8).\n`);
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
    process.fail(1, '\nUsage:\n sysctl [options] [variable[=value] ...]\n');
    return;
  }
  let status = 0;
  for (const operand of options.operands) {
    const equals = operand.indexOf('=');
    const name = (equals < 0 ? operand : operand.slice(0, equals)).trim().replaceAll('/', '.');
    if (equals < 0 && options.has('w', 'write')) {
      process.complain(`sysctl: "${operand}" must be of the form name=value\n`);
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
      sysctls.set(name, /^-?\d+$/.test(value) ? Number(value) : value);
      if (options.has('q', 'quiet')) continue;
    }
    process.print(line(name, sysctls.text(name)!));
  }
  process.exit(status);
}
