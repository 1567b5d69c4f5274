/**
 * The `helper` match: was the connection announced in another one, which a helper (FTP's, SIP's)
 * reads along? Helpers do nothing here, so none was. Mirrors `extensions/libxt_helper.c`.
 */
import { quotedText } from '../options.ts';
import { fieldMatchKind } from './field/field-match.ts';

/** `-m helper`. */
export const helperMatch = fieldMatchKind<{ readonly name: string }>({
  name: 'helper',
  options: ['--helper'],
  parse: (name) => ({ name }),
  holds: () => false,
  save: ({ name }, not) => ` ${not}--helper${quotedText(name)}`,
  list: ({ name }, isNegated) => ` helper match ${isNegated ? '! ' : ''}"${name}"`,
});
