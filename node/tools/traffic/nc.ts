/**
 * `nc` (OpenBSD netcat 1.219): tries ports (`-z`), connects, or listens. Mirrors netcat.c's `main`.
 */
import { addressOfName } from '../names.ts';
import { type Options, parseOptions } from '../options.ts';
import type { Process } from '../process.ts';
import { tryTcp, tryUdp } from './nc-connect.ts';
import { listen } from './nc-listen.ts';

const USAGE = `usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]
	  [-m minttl] [-O length] [-P proxy_username] [-p source_port]
	  [-q seconds] [-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]
	  [-w timeout] [-X proxy_protocol] [-x proxy_address[:port]]
	  [destination] [port]
`;

/** `nc [-zvunlkN] [-w seconds] [-W packets] [-p port] [-s address] [host] port[-port]`. */
export function nc(process: Process, argv: readonly string[]): void {
  const options = parseOptions('nc', argv, '46dklNnuvzw:W:p:q:s:');
  if (typeof options === 'string') {
    process.fail(1, `${options}\n${USAGE}`);
    return;
  }
  if (options.has('l')) {
    if (options.has('z')) process.fail(1, 'nc: cannot use -z and -l\n');
    else startListening(process, options);
    return;
  }
  const [host, portText] = options.operands;
  if (host === undefined) {
    process.fail(1, USAGE);
    return;
  }
  const ports = portsOf(portText ?? '');
  if (typeof ports === 'string') {
    process.fail(1, portText === undefined ? 'nc: missing port number\n' : `nc: ${ports}\n`);
    return;
  }
  addressOfName(
    process,
    host,
    (address, error) => {
      if (address === undefined) {
        const text = `nc: getaddrinfo for host "${host}" port ${ports[0]}: ${error}\n`;
        process.fail(1, text);
        return;
      }
      let status = 1;
      const next = (at: number) => {
        const port = ports[at];
        if (port === undefined) {
          process.exit(status);
          return;
        }
        const onEnd = (isOpen: boolean) => {
          if (isOpen) status = 0;
          if (!process.isOver) next(at + 1);
        };
        const attempt = { process, options, host, address, port, onEnd };
        if (options.has('u')) tryUdp(attempt);
        else tryTcp(attempt);
      };
      next(0);
    },
    options.has('6') ? 'ipv6' : undefined,
  );
}

function startListening(process: Process, options: Options): void {
  const text = options.value('p') ?? options.operands.at(-1) ?? '';
  const ports = portsOf(text);
  if (typeof ports === 'string') process.fail(1, text === '' ? USAGE : `nc: ${ports}\n`);
  else listen(process, options, ports[0]!);
}

/** `80`, `6000-6010`; the text of nc's complaint otherwise. */
function portsOf(text: string): number[] | string {
  const found = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (found === null) return `port number invalid: ${text}`;
  const first = Number(found[1]);
  const last = Number(found[2] ?? found[1]);
  if (Math.max(first, last) > 65_535) return `port number too large: ${text}`;
  if (Math.min(first, last) < 1) return `port number too small: ${text}`;
  const least = Math.min(first, last);
  return Array.from({ length: Math.abs(last - first) + 1 }, (_, i) => least + i);
}
