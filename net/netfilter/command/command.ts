/**
 * Reads an iptables command line, with iptables 1.8.9's own errors.
 *
 * Options are taken from left to right as `do_parse` of xshared.c takes them; a match that is loaded
 * adds its options, `-p tcp` adds those of `tcp`, and a long option may be shortened as far as it is
 * unambiguous. What needs the table (does this chain exist?) is checked in tables.ts.
 */

import type { IpPrefix } from '../../../wire/ip-address.ts';
import {
  COMMANDS,
  LONG_OPTIONS,
  letterOfLong,
  OPTION_COMMANDS,
  RULE_COMMANDS,
  WITH_ARGUMENT,
} from '../command-words.ts';
import type { ExtensionKind, Match, ParseEnvironment, Target } from '../extension.ts';
import { MATCH_KINDS } from '../match/kinds.ts';
import { type MaskedAddress, parseIpv6Prefix, parseMaskedAddress } from '../options.ts';
import { parseProtocol, protocolName } from '../protocols.ts';
import { type NamedMatch, Rule, RuleAction } from '../rule.ts';
import { TARGET_KINDS } from '../target/kinds.ts';
import { combinationError, optionError } from './option-checks.ts';

/** The letters of the commands. */
type CommandLetter = 'A' | 'C' | 'D' | 'E' | 'F' | 'I' | 'L' | 'N' | 'P' | 'R' | 'S' | 'X' | 'Z';

/** A parsed command line. */
export interface Command {
  readonly letter: CommandLetter;
  readonly table: string;
  /** Empty for all chains. */
  readonly chain: string;
  /** Rule number, 0 when none was given. */
  readonly number: number;
  /** The new name of `-E`, the policy of `-P`. */
  readonly argument: string;
  /** True when a rule (and not a number) was given. */
  readonly hasRule: boolean;
  /** The rule; with several addresses, one of each combination. */
  readonly rules: readonly Rule[];
  /** `-Z` beside `-L` or `-S`. */
  readonly zeroes: boolean;
  readonly isNumeric: boolean;
  readonly isVerbose: boolean;
  readonly isExact: boolean;
  readonly hasLineNumbers: boolean;
  readonly needsTracking: boolean;
}

/** A refusal: exit status and what iptables prints on stderr, without the last newline. */
export interface CommandError {
  readonly status: number;
  readonly message: string;
}

const HELP_HINT = "Try `iptables -h' or 'iptables --help' for more information.";

/** A refusal of the command line itself. */
export function usageError(text: string): CommandError {
  return { status: 2, message: `iptables v1.8.9 (legacy): ${text}\n${HELP_HINT}` };
}

function badArgument(text: string): CommandError {
  return { status: 2, message: `Bad argument \`${text}'\n${HELP_HINT}` };
}

/** An extension of the rule that is read, and which of its options were given. */
interface Loaded {
  readonly kind: ExtensionKind<Match> | ExtensionKind<Target>;
  readonly owner: Match | Target;
  readonly given: Set<string>;
}

interface LoadedOption {
  readonly name: string;
  readonly argumentCount: number;
  readonly by: Loaded;
}

/** Parses one command line; an error is iptables' own. */
export function parseCommand(
  argv: readonly string[],
  environment: ParseEnvironment,
): Command | CommandError {
  return new Parser(argv, environment).parse();
}

/** True for what {@link parseCommand} returns on failure. */
export function isCommandError(result: Command | CommandError): result is CommandError {
  return 'status' in result;
}

class Parser {
  readonly #argv: readonly string[];
  readonly #environment: ParseEnvironment;
  readonly #rule = new Rule();
  readonly #loaded: LoadedOption[] = [];
  /** The rule's extensions, in the order of loading. */
  readonly #extensions: Loaded[] = [];
  readonly #given = new Set<string>();
  #at = 0;
  #letter: CommandLetter | undefined = undefined;
  #table = 'filter';
  #chain = '';
  #number = 0;
  #argument = '';
  #isNegated = false;
  #source: string | undefined = undefined;
  #destination: string | undefined = undefined;
  #jump = '';
  #isGoto = false;
  #isVerbose = false;
  #zeroes = false;
  #needsTracking = false;
  #isProtocolLoaded = false;

  constructor(argv: readonly string[], environment: ParseEnvironment) {
    this.#argv = argv;
    this.#environment = environment;
  }

  parse(): Command | CommandError {
    while (this.#at < this.#argv.length) {
      const error = this.#takeWord(this.#argv[this.#at++]!);
      if (error !== undefined) return error;
    }
    return this.#finish();
  }

  #takeWord(word: string): CommandError | undefined {
    if (word === '!') {
      if (this.#isNegated) return usageError('multiple consecutive ! not allowed');
      this.#isNegated = true;
      return undefined;
    }
    if (word.startsWith('--')) return this.#takeLong(word);
    if (word.length < 2 || word[0] !== '-') return badArgument(word);
    for (let i = 1; i < word.length; i++) {
      const letter = word[i]!;
      if (letter === 'w') return this.#takeWait(word.slice(i + 1));
      if (!WITH_ARGUMENT.includes(letter)) {
        const error = this.#takeLetter(letter, '', `-${letter}`);
        if (error !== undefined) return error;
        continue;
      }
      const rest = word.slice(i + 1);
      const argument = rest === '' ? this.#argv[this.#at++] : rest;
      if (argument === undefined) return usageError(`option "-${letter}" requires an argument`);
      return this.#takeLetter(letter, argument, `-${letter}`);
    }
    return undefined;
  }

  #takeLong(word: string): CommandError | undefined {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const attached = equals < 0 ? undefined : word.slice(equals + 1);
    const option = this.#loadedOption(name) ?? this.#loadProtocolOption(name);
    if (option !== undefined) return this.#takeLoaded(option, attached);
    const letter = letterOfLong(name.slice(2));
    if (letter === undefined) return usageError(`unknown option "${word}"`);
    if (!WITH_ARGUMENT.includes(letter)) return this.#takeLetter(letter, attached ?? '', word);
    // iptables takes the word before the next one for the argument of these
    const glued = attached !== undefined && 'sdpioj'.includes(letter) ? word : attached;
    const argument = glued ?? this.#argv[this.#at++];
    if (argument === undefined) return usageError(`option "${word}" requires an argument`);
    return this.#takeLetter(letter, argument, word);
  }

  #loadedOption(name: string): LoadedOption | undefined {
    for (let i = this.#loaded.length - 1; i >= 0; i--) {
      if (this.#loaded[i]!.name === name) return this.#loaded[i];
    }
    if (Object.hasOwn(LONG_OPTIONS, name.slice(2))) return undefined;
    return this.#loaded.find((option) => option.name.startsWith(name));
  }

  /** `-p tcp --dport 80`: an option that nobody knows loads the match named as the protocol. */
  #loadProtocolOption(name: string): LoadedOption | undefined {
    if (this.#isProtocolLoaded || !this.#given.has('p')) return undefined;
    if (Object.hasOwn(LONG_OPTIONS, name.slice(2))) return undefined;
    const kind = MATCH_KINDS[this.#environment.family].get(protocolName(this.#rule.protocol));
    if (kind === undefined || !kind.options.some((option) => option.startsWith(name))) {
      return undefined;
    }
    this.#loadMatch(kind);
    return this.#loadedOption(name);
  }

  #takeLoaded(option: LoadedOption, attached: string | undefined): CommandError | undefined {
    const values: string[] = [];
    if (option.argumentCount > 0) {
      const first = attached ?? this.#argv[this.#at++];
      if (first === undefined) return usageError(`option "${option.name}" requires an argument`);
      values.push(first);
      while (values.length < option.argumentCount) {
        const next = this.#argv[this.#at++];
        if (next === undefined) return usageError(`${option.name} requires two args.`);
        values.push(next);
      }
    }
    const isNegated = this.#takeNegation();
    const { owner, kind, given } = option.by;
    const isTarget = owner === this.#rule.target;
    const error =
      optionError(kind, given, option.name, isNegated, isTarget) ??
      owner.option(option.name, values.join(' '), isNegated, this.#rule);
    return error === undefined ? undefined : usageError(error);
  }

  #takeNegation(): boolean {
    const isNegated = this.#isNegated;
    this.#isNegated = false;
    return isNegated;
  }

  #takeLetter(letter: string, argument: string, spelling: string): CommandError | undefined {
    if (COMMANDS.includes(letter)) {
      return this.#takeCommand(letter as CommandLetter, argument);
    }
    const isNegated = this.#takeNegation();
    if (isNegated) {
      const error = negationError(letter);
      if (error !== undefined) return error;
    }
    if ('sdpjgiocfnx0'.includes(letter)) {
      const key = letter === 'g' ? 'j' : letter;
      if (this.#given.has(key)) return usageError(`multiple ${spelling} flags not allowed`);
      this.#given.add(key);
    }
    const rule = this.#rule;
    switch (letter) {
      case 's':
        this.#source = argument;
        rule.isSourceNegated = isNegated;
        return undefined;
      case 'd':
        this.#destination = argument;
        rule.isDestinationNegated = isNegated;
        return undefined;
      case 'p': {
        const protocol = parseProtocol(argument);
        if (protocol === undefined) return usageError(`unknown protocol "${argument}" specified`);
        if (protocol === 0 && isNegated) {
          return usageError('rule would never match protocol');
        }
        rule.protocol = protocol;
        rule.isProtocolNegated = isNegated;
        return undefined;
      }
      case 'i':
      case 'o':
        return this.#takeInterface(letter, argument, isNegated);
      case 'j':
      case 'g':
        return this.#takeJump(argument, letter === 'g');
      case 'm':
        return this.#takeMatch(argument);
      case 't':
        this.#table = argument;
        return undefined;
      case 'f':
        if (this.#environment.family === 'ipv6') {
          return usageError("`-f' is not supported in IPv6, use -m frag instead");
        }
        rule.onlyFragments = true;
        rule.isFragmentNegated = isNegated;
        return undefined;
      case 'c':
        return this.#takeCounters(argument);
      case 'v':
        this.#isVerbose = true;
        return undefined;
      case 'w':
        return this.#takeWait(argument);
      case '4':
      case '6': {
        const isOwn = (letter === '6') === (this.#environment.family === 'ipv6');
        return isOwn ? undefined : { status: 2, message: HELP_HINT };
      }
      case 'V':
        return { status: 0, message: 'iptables v1.8.9 (legacy)' };
      case 'n':
      case 'x':
      case '0':
      case 'W':
      case 'M':
        return undefined;
      default:
        return usageError(`unknown option "${spelling}"`);
    }
  }

  #takeMatch(name: string): CommandError | undefined {
    const kind = MATCH_KINDS[this.#environment.family].get(name);
    if (kind === undefined) {
      return usageError(`Couldn't load match \`${name}':No such file or directory\n`);
    }
    this.#loadMatch(kind);
    return undefined;
  }

  /** `-w`, with the seconds in the same word or the next; they begin with a digit. */
  #takeWait(attached: string): CommandError | undefined {
    const seconds = attached === '' ? this.#optionalWord() : attached;
    if (seconds === undefined || /^\d/.test(seconds)) return undefined;
    return usageError('wait seconds not numeric');
  }

  #takeCommand(letter: CommandLetter, argument: string): CommandError | undefined {
    if (this.#isNegated) return usageError("unexpected '!' flag");
    const other = this.#letter;
    if (other !== undefined) {
      // what is listed may be zeroed in the same breath
      const isListing =
        other === 'L' || other === 'S' ? letter === 'Z' : other === 'Z' && 'LS'.includes(letter);
      if (!isListing || this.#zeroes) return usageError(`Cannot use -${letter} with -${other}`);
      this.#zeroes = true;
    }
    this.#letter = other === 'L' || other === 'S' ? other : letter;
    if ('LSFZX'.includes(letter)) this.#chain = this.#optionalWord() ?? this.#chain;
    else this.#chain = argument;
    switch (letter) {
      case 'N':
        return checkChainName(argument);
      case 'E': {
        const name = this.#optionalWord();
        if (name === undefined) {
          return usageError('-E requires old-chain-name and new-chain-name');
        }
        this.#argument = name;
        return checkChainName(name);
      }
      case 'P': {
        const policy = this.#optionalWord();
        if (policy === undefined) return usageError('-P requires a chain and a policy');
        this.#argument = policy;
        return undefined;
      }
      case 'R': {
        const number = this.#optionalWord();
        if (number === undefined) return usageError('-R requires a rule number');
        return this.#takeNumber(number);
      }
      case 'I':
      case 'D':
      case 'L':
      case 'S':
      case 'Z': {
        const number = this.#chain === '' ? undefined : this.#optionalWord();
        return number === undefined ? undefined : this.#takeNumber(number);
      }
      default:
        return undefined;
    }
  }

  #optionalWord(): string | undefined {
    const word = this.#argv[this.#at];
    if (word === undefined || word[0] === '-' || word[0] === '!') return undefined;
    this.#at++;
    return word;
  }

  #takeNumber(text: string): CommandError | undefined {
    const number = /^\d+$/.test(text) ? Number(text) : 0;
    if (number === 0) return usageError(`Invalid rule number \`${text}'`);
    this.#number = number;
    return undefined;
  }

  #takeCounters(first: string): CommandError | undefined {
    const second = first.includes(',') ? first.split(',')[1] : this.#argv[this.#at++];
    if (second === undefined) return usageError('-c requires packet and byte counter');
    const packets = first.split(',')[0]!;
    if (!/^\d+$/.test(packets)) return usageError('-c packet counter not numeric');
    if (!/^\d+$/.test(second)) return usageError('-c byte counter not numeric');
    this.#rule.packets = Number(packets);
    this.#rule.bytes = Number(second);
    return undefined;
  }

  /** Addresses are looked up only after all words were read, as in iptables. */
  #readAddresses(letter: 's' | 'd'): RuleAddress[] | CommandError {
    const text = letter === 's' ? this.#source : this.#destination;
    const isNegated = letter === 's' ? this.#rule.isSourceNegated : this.#rule.isDestinationNegated;
    if (text === undefined) return [undefined];
    const addresses: RuleAddress[] = [];
    const parse = this.#environment.family === 'ipv6' ? parseIpv6Prefix : parseMaskedAddress;
    for (const part of text.split(',')) {
      const parsed = parse(part);
      if (typeof parsed === 'string') return usageError(parsed);
      addresses.push(parsed);
    }
    if (isNegated && addresses.length > 1) {
      return usageError('! not allowed with multiple source or destination IP addresses');
    }
    return addresses;
  }

  #takeInterface(letter: string, name: string, isNegated: boolean): CommandError | undefined {
    if (name === '') return usageError('Empty interface is likely to be undesired');
    if (name.length > 15) {
      return usageError(`interface name \`${name}' must be shorter than IFNAMSIZ (15)`);
    }
    if (letter === 'i') {
      this.#rule.inInterface = name;
      this.#rule.isInInterfaceNegated = isNegated;
    } else {
      this.#rule.outInterface = name;
      this.#rule.isOutInterfaceNegated = isNegated;
    }
    return undefined;
  }

  #takeJump(name: string, isGoto: boolean): CommandError | undefined {
    if (name === '') return usageError('Invalid target name (too short)');
    if (name.length > 28) return usageError(`Invalid target name \`${name}' (28 chars max)`);
    this.#jump = name;
    this.#isGoto = isGoto;
    const kind = isGoto ? undefined : TARGET_KINDS[this.#environment.family].get(name);
    if (kind === undefined) return undefined;
    const target = kind.create(this.#environment);
    this.#rule.target = target;
    this.#load(kind, target);
    return undefined;
  }

  #loadMatch(kind: ExtensionKind<Match>): void {
    const match = kind.create(this.#environment);
    const named: NamedMatch = { name: kind.name, match };
    this.#rule.matches.push(named);
    if (kind.name === protocolName(this.#rule.protocol)) this.#isProtocolLoaded = true;
    this.#load(kind, match);
  }

  #load(kind: ExtensionKind<Match> | ExtensionKind<Target>, owner: Match | Target): void {
    if (kind.needsTracking === true) this.#needsTracking = true;
    const by: Loaded = { kind, owner, given: new Set() };
    this.#extensions.push(by);
    for (const option of kind.options) {
      const name = option.replace(/=+$/, '');
      this.#loaded.push({ name, argumentCount: option.length - name.length, by });
    }
  }

  #finish(): Command | CommandError {
    const rule = this.#rule;
    rule.targetName = this.#jump;
    if (this.#table === 'nat' && (this.#jump === 'DROP' || this.#argument === 'DROP')) {
      return usageError(
        '\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n',
      );
    }
    const isTarget = ({ owner }: Loaded) => owner === rule.target;
    for (const each of [...this.#extensions].sort((a, b) => +isTarget(a) - +isTarget(b))) {
      const error = each.owner.finish(rule) ?? combinationError(each.kind, each.given);
      if (error !== undefined) return usageError(error);
    }
    const letter = this.#letter;
    if (letter === undefined) return usageError('no command specified');
    if (this.#isNegated) return usageError('nothing appropriate following !');
    for (const [option, commands] of OPTION_COMMANDS) {
      if (this.#given.has(option) && !commands.includes(letter)) {
        return usageError(`Illegal option \`-${option}' with this command`);
      }
    }
    if (this.#chain.length > 28) {
      const name = this.#chain;
      return usageError(`chain name \`${name}' too long (must be under 29 chars)`);
    }
    return this.#command(letter);
  }

  #command(letter: CommandLetter): Command | CommandError {
    const sources = this.#readAddresses('s');
    if ('status' in sources) return sources;
    const destinations = this.#readAddresses('d');
    if ('status' in destinations) return destinations;
    const hasRule = RULE_COMMANDS.includes(letter) && !(letter === 'D' && this.#number > 0);
    return {
      letter,
      table: this.#table,
      chain: this.#chain,
      number: this.#number,
      argument: this.#argument,
      hasRule,
      rules: hasRule ? this.#expand(sources, destinations) : [],
      zeroes: this.#zeroes,
      isNumeric: this.#given.has('n'),
      isVerbose: this.#isVerbose,
      isExact: this.#given.has('x'),
      hasLineNumbers: this.#given.has('0'),
      needsTracking: this.#needsTracking,
    };
  }

  /** One rule per combination of addresses; they share matches only when there is one. */
  #expand(sources: readonly RuleAddress[], destinations: readonly RuleAddress[]): Rule[] {
    const rules: Rule[] = [];
    for (const source of sources) {
      for (const destination of destinations) {
        const rule = Object.assign(new Rule(), this.#rule);
        rule.action = this.#isGoto ? RuleAction.goto : RuleAction.none;
        putAddresses(rule, this.#environment.family, source, destination);
        rules.push(rule);
      }
    }
    return rules;
  }
}

/** What may not stand behind `!`. */
function negationError(letter: string): CommandError | undefined {
  if (letter === 'm' || letter === 't') {
    return usageError(`unexpected ! flag before ${letter === 'm' ? '--match' : '--table'}`);
  }
  if (!'jgnvxc0'.includes(letter)) return undefined;
  return usageError(`cannot have ! before -${letter === 'g' ? 'j' : letter}`);
}

/** An address of a rule's head in either family's form; undefined for any. */
type RuleAddress = MaskedAddress | IpPrefix | undefined;

/** `::/0` says nothing, unless it is negated and says that nothing matches. */
function prefixOf(address: RuleAddress, isNegated: boolean): IpPrefix | undefined {
  if (address === undefined || !('lengthBits' in address)) return undefined;
  return address.lengthBits === 0 && !isNegated ? undefined : address;
}

function putAddresses(
  rule: Rule,
  family: 'ipv4' | 'ipv6',
  source: RuleAddress,
  destination: RuleAddress,
): void {
  if (family === 'ipv6') {
    rule.ipv6 = {
      source: prefixOf(source, rule.isSourceNegated),
      destination: prefixOf(destination, rule.isDestinationNegated),
    };
    return;
  }
  if (source !== undefined && 'mask' in source) {
    rule.source = source.address | 0;
    rule.sourceMask = source.mask | 0;
  }
  if (destination !== undefined && 'mask' in destination) {
    rule.destination = destination.address | 0;
    rule.destinationMask = destination.mask | 0;
  }
}

function checkChainName(name: string): CommandError | undefined {
  if (name[0] === '-') return usageError("chain name not allowed to start with `-'");
  if (name[0] === '!') return usageError("chain name not allowed to start with `!'");
  if (name === '' || TARGET_KINDS.ipv4.has(name) || VERDICTS.has(name)) {
    return usageError('chain name may not clash with target name');
  }
  if (/\s/.test(name)) return usageError(`Invalid chain name \`${name}'`);
  return undefined;
}

/** Targets that are verdicts. */
export const VERDICTS: ReadonlySet<string> = new Set(['ACCEPT', 'DROP', 'QUEUE', 'RETURN']);
