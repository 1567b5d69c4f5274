/**
 * The `AUDIT` target: a record for the audit daemon, which is an observation `netfilter.audit`.
 * Mirrors `extensions/libxt_AUDIT.c`.
 */
import { observationKind } from '../../../../sim/observations.ts';
import { Outcome, type Target, type TargetKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { mustBeSpecified } from '../../options.ts';

const audited = observationKind('netfilter.audit');
const TYPES: readonly string[] = ['accept', 'drop', 'reject'];

class AuditTarget implements Target {
  #type = '';

  option(_name: string, text: string): string | undefined {
    const type = text.toLowerCase();
    if (!TYPES.includes(type)) return `Bad action type value "${text}"`;
    this.#type = type;
    return undefined;
  }

  finish(): string | undefined {
    return this.#type === '' ? mustBeSpecified('AUDIT', '--type') : undefined;
  }

  run({ namespace, at, end }: Inspection): Outcome {
    namespace.world.observe(audited, namespace.nodeIndex, end - at, 0, this.#type);
    return Outcome.next;
  }

  save(): string {
    return ` --type ${this.#type}`;
  }

  list(): string {
    return ` AUDIT ${this.#type}`;
  }
}

/** `-j AUDIT`. */
export const auditTarget: TargetKind = {
  name: 'AUDIT',
  options: ['--type='],
  create: () => new AuditTarget(),
};
