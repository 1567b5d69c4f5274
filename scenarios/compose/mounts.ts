/**
 * What services mount: the names of volumes, secrets and configs that their entries refer to, in the
 * short form and the long one (docker/cli `internal/volumespec`, `transformStringSourceMap`).
 */

/** The named volume that an entry of `volumes` mounts; `undefined` for a path or none. */
export function volumeOf(use: unknown): string | undefined {
  if (typeof use === 'string') {
    const parts = use.split(':');
    return parts.length > 1 && /^[a-zA-Z0-9]/.test(parts[0]!) ? parts[0] : undefined;
  }
  if (typeof use !== 'object' || use === null) return undefined;
  const { type, source } = use as { type?: unknown; source?: unknown };
  return type === 'volume' && typeof source === 'string' ? source : undefined;
}

/** The secret or config that an entry of `secrets` or `configs` names. */
export function sourceOf(use: unknown): string | undefined {
  if (typeof use === 'string') return use;
  if (typeof use !== 'object' || use === null) return undefined;
  const { source } = use as { source?: unknown };
  return typeof source === 'string' ? source : undefined;
}
