/**
 * Ids of things that are not simulated (images, layers): a function of what they belong to, so that
 * they are the same in every run and on every host.
 */
import { hashText } from '../../../sim/chance.ts';

const KEY_TEXT = 'docker inspect';

/** 64 hexadecimal digits that are the same for the same text, in every run. */
export function madeUpId(text: string): string {
  let id = '';
  for (let i = 0; id.length < 64; i++)
    id += hashText(`${KEY_TEXT} ${i} ${text}`).toString(16).padStart(8, '0');
  return id.slice(0, 64);
}
