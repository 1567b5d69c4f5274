/**
 * Creating, changing and removing services (swarmkit `manager/controlapi/service.go`).
 */
import type { World } from '../../sim/world.ts';
import type { IdSource } from '../objects/ids.ts';
import { NO_META } from '../objects/meta.ts';
import { type Service, type ServiceSpec, UpdateState } from '../objects/service.ts';
import type { Store } from '../store/store.ts';
import type { StoreReader } from '../store/tables.ts';
import type { Transaction } from '../store/transaction.ts';
import { accepted, type Refusal, type Reply, type Result, refused } from './result.ts';
import { portConflict, refusalOfServiceSpec, resolveNetworks } from './service-validation.ts';

/** What control calls need. */
export interface ControlParts {
  readonly world: World;
  readonly store: Store;
  readonly ids: IdSource;
  /** Why nothing can be written now; `undefined` when it can. */
  readonly unavailable: () => Refusal | undefined;
}

/** Runs a write whose outcome the transaction decides; a failed commit becomes a refusal. */
export function write<T>(
  { store, unavailable }: ControlParts,
  change: (tx: Transaction) => Result<T>,
  reply: Reply<T>,
): void {
  const refusal = unavailable();
  if (refusal !== undefined) {
    reply({ ok: false, refusal });
    return;
  }
  let result: Result<T> = refused('Unknown', 'not run');
  store.update(
    (tx) => {
      result = change(tx);
    },
    (failure) => reply(failure === undefined ? result : refused('Unknown', failure)),
  );
}

/** Creates a service. */
export function createService(parts: ControlParts, spec: ServiceSpec, reply: Reply<Service>): void {
  write(
    parts,
    (tx) => {
      const checked = checkedSpec(spec, '', tx);
      if (!checked.ok) return checked;
      const { name } = spec.annotations;
      if (tx.serviceByName(name) !== undefined) {
        const message = `name conflicts with an existing object: service ${name} already exists`;
        return refused('AlreadyExists', message);
      }
      const service: Service = {
        id: parts.ids.next(),
        meta: NO_META,
        spec: checked.value,
        specVersion: 0,
        previousSpec: undefined,
        previousSpecVersion: 0,
        endpoint: undefined,
        updateStatus: undefined,
      };
      return accepted(tx.create('service', service));
    },
    reply,
  );
}

/** Changes a service's spec; `version` is that of the service on which the spec is based. */
export function updateService(
  parts: ControlParts,
  id: string,
  version: number | undefined,
  spec: ServiceSpec,
  reply: Reply<Service>,
): void {
  write(
    parts,
    (tx) => {
      const service = tx.service(id);
      if (service === undefined) return refused('NotFound', `service ${id} not found`);
      if (version !== undefined && version !== service.meta.version) {
        return refused('Unknown', 'update out of sequence');
      }
      const checked = checkedSpec(spec, id, tx);
      if (!checked.ok) return checked;
      if (spec.annotations.name !== service.spec.annotations.name) {
        return refused('Unimplemented', 'renaming services is not supported');
      }
      if (spec.mode.kind !== service.spec.mode.kind) {
        return refused('Unimplemented', 'service mode change is not allowed');
      }
      return accepted(
        tx.update('service', {
          ...service,
          spec: checked.value,
          specVersion: service.meta.version,
          previousSpec: service.spec,
          previousSpecVersion: service.specVersion,
          updateStatus: undefined,
        }),
      );
    },
    reply,
  );
}

/** Goes back to the previous spec, as `docker service rollback` does; the two are swapped. */
export function rollBackService(parts: ControlParts, id: string, reply: Reply<Service>): void {
  write(
    parts,
    (tx) => {
      const service = tx.service(id);
      if (service === undefined) return refused('NotFound', `service ${id} not found`);
      if (service.previousSpec === undefined) {
        return refused('FailedPrecondition', `service ${id} does not have a previous spec`);
      }
      return accepted(
        tx.update('service', {
          ...service,
          spec: service.previousSpec,
          specVersion: service.previousSpecVersion,
          previousSpec: service.spec,
          previousSpecVersion: service.specVersion,
          updateStatus: {
            state: UpdateState.rollbackStarted,
            startedAtNs: parts.world.nowNs,
            completedAtNs: undefined,
            message: 'manually requested rollback',
          },
        }),
      );
    },
    reply,
  );
}

/** Removes a service; its tasks follow. */
export function removeService(parts: ControlParts, id: string, reply: Reply<Service>): void {
  write(
    parts,
    (tx) => {
      const service = tx.service(id);
      if (service === undefined) return refused('NotFound', `service ${id} not found`);
      tx.remove('service', service);
      return accepted(service);
    },
    reply,
  );
}

/** The spec with network ids and defaults filled in, or why it is refused. */
function checkedSpec(spec: ServiceSpec, ownId: string, reader: StoreReader): Result<ServiceSpec> {
  const refusal = refusalOfServiceSpec(spec) ?? portConflict(spec, ownId, reader);
  if (refusal !== undefined) return { ok: false, refusal };
  const networks = resolveNetworks(spec.task.networks ?? [], reader);
  if (!Array.isArray(networks)) return { ok: false, refusal: networks };
  return accepted({ ...spec, task: { ...spec.task, networks } });
}
