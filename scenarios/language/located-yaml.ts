/**
 * A YAML document that knows where every value stands, so that every complaint has a line and a
 * column. The `yaml` library parses; this file answers "where is this path?".
 */
import {
  type Document,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type YAMLParseError,
} from 'yaml';
import type { Issue } from './issue.ts';

/** The way from the root to a value. */
export type YamlPath = readonly (string | number)[];

/** A line and a column, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A value, and where a complaint about a part of it stands. */
export interface YamlSource {
  readonly value: unknown;
  /** An issue at the value of a path. */
  issueAt(path: YamlPath, code: string, message: string, hint?: string, isWarning?: boolean): Issue;
  /** An issue at a key of the mapping at a path. */
  issueAtKey(
    path: YamlPath,
    key: string,
    code: string,
    message: string,
    hint?: string,
    isWarning?: boolean,
  ): Issue;
}

/** A parsed document with its source. */
export class LocatedYaml implements YamlSource {
  readonly file: string;
  readonly source: string;
  /** Mistakes of the YAML itself; when there are any, `value` is not to be trusted. */
  readonly issues: Issue[];
  readonly value: unknown;
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(file: string, source: string) {
    this.file = file;
    this.source = source;
    this.#lines = new LineCounter();
    this.#document = parseDocument(source, {
      lineCounter: this.#lines,
      merge: true,
      prettyErrors: false,
      uniqueKeys: true,
    });
    this.issues = this.#document.errors.map((error) => this.#syntaxIssue(error));
    this.value = this.issues.length > 0 ? undefined : this.#toValue();
  }

  /** Where the value at a path stands, or the nearest enclosing one that exists. */
  positionOf(path: YamlPath): Position {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = this.#document.getIn(path.slice(0, depth), true);
      if (isNode(node) && node.range != null) return this.#at(node.range[0]);
    }
    return { line: 1, column: 1 };
  }

  /** Where the key `key` of the mapping at a path stands. */
  keyPositionOf(path: YamlPath, key: string): Position {
    const node = path.length === 0 ? this.#document.contents : this.#document.getIn(path, true);
    if (isMap(node)) {
      for (const pair of node.items) {
        if (!isPair(pair) || !isScalar(pair.key) || String(pair.key.value) !== key) continue;
        if (pair.key.range != null) return this.#at(pair.key.range[0]);
      }
    }
    return this.positionOf(path);
  }

  /** An issue at the value of a path. */
  issueAt(path: YamlPath, code: string, message: string, hint = '', isWarning = false): Issue {
    return this.#issue(this.positionOf(path), path, code, message, hint, isWarning);
  }

  /** An issue at a key of the mapping at a path. */
  issueAtKey(
    path: YamlPath,
    key: string,
    code: string,
    message: string,
    hint = '',
    isWarning = false,
  ): Issue {
    const position = this.keyPositionOf(path, key);
    return this.#issue(position, [...path, key], code, message, hint, isWarning);
  }

  /** The paths of all values that carry a tag, such as `!reset`. */
  pathsTagged(tag: string): YamlPath[] {
    const paths: YamlPath[] = [];
    visit(this.#document, {
      Node: (key, node, ancestors) => {
        if (node.tag === tag && key !== 'key') paths.push(pathOf(key, ancestors));
      },
    });
    return paths;
  }

  /** How many items the sequence at a path has; 0 when it is none. */
  lengthOf(path: YamlPath): number {
    const node = this.#document.getIn(path, true);
    return isSeq(node) ? node.items.length : 0;
  }

  /** Aliases are resolved only here, so that an unknown anchor is found late. */
  #toValue(): unknown {
    try {
      return this.#document.toJS();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.issues.push(this.issueAt([], 'yaml-syntax', message, 'an alias needs its anchor first'));
      return undefined;
    }
  }

  #syntaxIssue(error: YAMLParseError): Issue {
    const position = this.#at(error.pos[0]);
    if (error.code === 'DUPLICATE_KEY') {
      const key = /^[^:\n]*/.exec(this.source.slice(error.pos[0]))![0].trim();
      const message = `the key '${key}' is there twice`;
      return this.#issue(position, [], 'duplicate-key', message, 'say it once', false);
    }
    const isTab = error.code === 'TAB_AS_INDENT';
    const hint = isTab ? 'YAML indents with spaces, not with tabs' : '';
    const message = isTab ? 'a tab indents this line' : error.message;
    return this.#issue(position, [], 'yaml-syntax', message, hint, false);
  }

  #issue(
    position: Position,
    path: YamlPath,
    code: string,
    message: string,
    hint: string,
    isWarning: boolean,
  ): Issue {
    const { line, column } = position;
    return {
      code,
      message,
      file: this.file,
      line,
      column,
      path: formatPath(path),
      hint,
      isWarning,
    };
  }

  #at(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line, column: col };
  }
}

/** The keys on the way to a node. */
function pathOf(key: unknown, ancestors: readonly unknown[]): YamlPath {
  const keys = ancestors.flatMap((ancestor): (string | number)[] =>
    isPair(ancestor) && isScalar(ancestor.key) ? [String(ancestor.key.value)] : [],
  );
  return typeof key === 'number' ? [...keys, key] : keys;
}

/** `timeline[0].crash`. */
function formatPath(path: YamlPath): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`))
    .join('');
}
