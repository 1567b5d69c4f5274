/**
 * Whether a packet may have come in by a device with the source that it names: martians and
 * reverse path filtering. Mirrors `fib_validate_source` (net/ipv4/fib_frontend.c) and the checks of
 * `ip_route_input_slow`.
 */
import type { Ipv4Address } from '../../wire/addresses.ts';
import type { Device } from '../device/device.ts';
import type { Namespace } from '../namespace.ts';

/** Reverse path filtering of a device: 0 off, 1 strict, 2 loose; the higher of `all` and own. */
function reversePathFilterOf(namespace: Namespace, device: Device): number {
  return Math.max(namespace.sysctls.all.rp_filter, device.ipv4.rp_filter);
}

/** The reason to drop a packet from `source` that came in by `device`, if there is one. */
export function validateSource(
  namespace: Namespace,
  device: Device,
  source: Ipv4Address,
): 'martian source' | 'rp_filter' | undefined {
  const { routes, sysctls } = namespace;
  const acceptsLocal = device.ipv4.accept_local !== 0 || sysctls.all.accept_local !== 0;
  const filter = reversePathFilterOf(namespace, device);
  if (filter === 0 && !routes.hasCustomRules) {
    return !acceptsLocal && routes.isLocal(source) ? 'martian source' : undefined;
  }
  const route = routes.find(source, 0, 0, undefined);
  if (route === undefined) return filter === 0 ? undefined : 'rp_filter';
  if (route.type !== 'unicast') {
    return route.type === 'local' && acceptsLocal ? undefined : 'martian source';
  }
  if (route.device === device || filter === 0) return undefined;
  const isUnnumbered = namespace.addresses.of(device).length === 0;
  return filter === 1 || isUnnumbered ? 'rp_filter' : undefined;
}
