/**
 * `--profile` and `--set`: memberlist's configuration as commands take it. The names and quantities
 * of `--set` are those of a scenario's `cluster.gossip`.
 */
import { parse } from 'yaml';
import type { SwimConfig } from '../gossip/constants.ts';
import { gossipTunables, swimConfigOf } from '../scenarios/language/gossip.ts';
import { didYouMean } from '../scenarios/language/issue.ts';
import { CommandFailure, ExitStatus } from './exit-status.ts';
import { profileOf } from './gossip-flags.ts';

const NAMES = Object.keys(gossipTunables.shape);

/** Collects a flag that may be given several times. */
export function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

/** The profile with what `--set name=value` changes, where the command takes tunables so called. */
export function configOf(profile: string, settings: readonly string[], taken = /^/): SwimConfig {
  let config = profileOf(profile);
  for (const setting of settings) {
    const equals = setting.indexOf('=');
    if (equals < 1) fail(setting, 'name=value', 'such as --set probe-interval=2s');
    const name = setting.slice(0, equals).trim();
    const names = NAMES.filter((known) => taken.test(known));
    if (!names.includes(name)) fail(name, 'a tunable of memberlist', didYouMean(name, names));
    const result = gossipTunables.safeParse({ [name]: yamlValueOf(setting.slice(equals + 1)) });
    if (!result.success) {
      const issue = result.error.issues[0]! as { message: string; params?: { hint?: string } };
      const hint = issue.params?.hint ?? gossipTunables.shape[name as never]['description'] ?? '';
      throw new CommandFailure(
        ExitStatus.wrongInput,
        `--set ${setting}: ${issue.message}${hint === '' ? '' : `\n  hint: ${hint}`}`,
      );
    }
    config = { ...config, ...swimConfigOf(result.data) };
  }
  return config;
}

/** The configuration in words: the profile, and what differs from it. */
export function configText(profile: string, settings: readonly string[]): string {
  return [profile, ...settings.map((setting) => setting.replace('=', ' '))].join(', ');
}

/** What YAML would make of the value in a scenario. */
function yamlValueOf(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return text;
  }
}

function fail(word: string, wanted: string, hint: string): never {
  const message = `--set wants ${wanted}, not '${word}'\n  hint: ${hint}`;
  throw new CommandFailure(ExitStatus.wrongInput, message);
}
