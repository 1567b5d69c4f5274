/**
 * `ip xfrm`: the associations and policies of IPsec, listed, deleted and flushed.
 * Mirrors iproute2 ip/xfrm_state.c and xfrm_policy.c.
 */
import type { Namespace } from '../../../net/namespace.ts';
import { xfrmPolicyText, xfrmStateText } from '../../../net/show/xfrm.ts';
import type { IpFormat } from './format.ts';
import { commandOf, refused, type Words, wrong } from './words.ts';

const USAGE = `Usage: ip xfrm XFRM-OBJECT { COMMAND | help }
where  XFRM-OBJECT := state | policy | monitor
`;

/** Runs `ip xfrm WORDS`; what it prints. */
export function ipXfrm(namespace: Namespace, words: Words, { hasStatistics }: IpFormat): string {
  const object = commandOf(words.next() ?? 'help', ['state', 'policy']);
  if (object === undefined) throw wrong(USAGE.trimEnd());
  const isState = object === 'state';
  const word = words.next() ?? 'list';
  switch (commandOf(word, ['list', 'show', 'lst', 'delete', 'deleteall', 'flush', 'count'])) {
    case 'list':
    case 'show':
    case 'lst':
      return isState
        ? xfrmStateText(namespace, { hasStatistics })
        : xfrmPolicyText(namespace, { hasStatistics });
    case 'flush':
    case 'deleteall':
      flush(namespace, isState);
      return '';
    case 'delete':
      if (!isState) throw wrong('ip xfrm policy delete is not simulated: flush takes all');
      deleteState(namespace, words);
      return '';
    case 'count':
      return isState
        ? `\t SAD count ${namespace.xfrm?.associations.length ?? 0}\n`
        : `\t SPD IN  0 OUT ${namespace.xfrm?.policies.length ?? 0} FWD 0\n`;
    default:
      throw wrong(`Command "${word}" is unknown, try "ip xfrm ${object} help".`);
  }
}

function flush({ xfrm }: Namespace, isState: boolean): void {
  if (isState) {
    for (const { destination, spi } of [...(xfrm?.associations ?? [])]) {
      xfrm?.removeAssociation(destination, spi);
    }
  } else for (const policy of [...(xfrm?.policies ?? [])]) xfrm?.removePolicy(policy);
}

/** `ip xfrm state delete src A dst B proto esp spi N`. */
function deleteState(namespace: Namespace, words: Words): void {
  let destination = 0;
  let spi = 0;
  while (words.first !== undefined) {
    if (words.maybe('dst')) destination = words.address();
    else if (words.maybe('src')) words.address();
    else if (words.maybe('proto')) words.value();
    else if (words.maybe('spi')) spi = words.number('"SPI" value is invalid');
    else throw wrong(`Error: argument "${words.value()}" is wrong: unknown`);
  }
  if (namespace.xfrm?.removeAssociation(destination, spi) !== true) {
    throw refused('No such process');
  }
}
