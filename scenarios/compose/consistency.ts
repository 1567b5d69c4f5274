/**
 * What the format of compose files cannot see beside networks: volumes, secrets and configs that are
 * not declared or have nothing in them, replicas that are said twice, addresses of ports (compose-go
 * `validation/validation.go`, `loader/validate.go`; docker/compose for what no swarm stands behind).
 */
import { parseIp } from '../../wire/ip-address.ts';
import type { YamlPath } from '../language/located-yaml.ts';
import type { ComposeFile, ComposeFileService } from './compose-file.ts';
import { isMapping } from './merge.ts';
import { sourceOf, volumeOf } from './mounts.ts';

const INVALID = 'invalid compose project';

/** Tells of everything that docker compose would refuse. */
export function checkConsistency(
  file: ComposeFile,
  services: Readonly<Record<string, ComposeFileService>>,
  complain: (path: YamlPath, message: string) => void,
): void {
  contents(file.configs, 'configs', ['file', 'environment', 'content'], complain);
  contents(file.secrets, 'secrets', ['file', 'environment'], complain);
  for (const [name, service] of Object.entries(services)) {
    const at = ['services', name];
    for (const kind of ['volumes', 'configs', 'secrets'] as const) {
      for (const [i, use] of listOf(service[kind]).entries()) {
        const wanted = kind === 'volumes' ? volumeOf(use) : sourceOf(use);
        if (wanted === undefined) continue;
        const declared = file[kind] ?? {};
        const thing = kind.slice(0, -1);
        if (!Object.hasOwn(declared, wanted)) {
          const message = `service "${name}" refers to undefined ${thing} ${wanted}: ${INVALID}`;
          complain([...at, kind, i], message);
        } else if (kind !== 'volumes' && isExternal(declared[wanted])) {
          complain([...at, kind, i], `unsupported external ${thing} ${wanted}`);
        }
      }
    }
    for (const [i, port] of (service.ports ?? []).entries()) {
      const host = typeof port === 'string' ? undefined : port.host_ip;
      if (host === undefined || parseIp(host) !== undefined) continue;
      complain([...at, 'ports', i], `services.${name}.ports.[]: invalid ip address: ${host}`);
    }
    const { scale, deploy } = service;
    const replicas = deploy?.replicas;
    if (scale !== undefined && replicas !== undefined && scale !== replicas) {
      const why = "can't set distinct values on 'scale' and 'deploy.replicas'";
      complain(at, `services.${name}: ${why}: ${INVALID}`);
    }
  }
}

function contents(
  section: ComposeFile['secrets'],
  kind: string,
  sources: readonly string[],
  complain: (path: YamlPath, message: string) => void,
): void {
  for (const [name, value] of Object.entries(section ?? {})) {
    const keys = isMapping(value) ? Object.keys(value) : [];
    const given = sources.filter((source) => keys.includes(source));
    const all = sources.join('|');
    if (given.length > 1) {
      complain([kind, name], `${kind}.${name}: ${all} attributes are mutually exclusive`);
    }
    if (given.length > 0 || keys.includes('driver') || keys.includes('external')) continue;
    complain([kind, name], `${kind}.${name}: one of ${all} must be set`);
  }
}

function isExternal(value: unknown): boolean {
  return isMapping(value) && value['external'] !== undefined && value['external'] !== false;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
