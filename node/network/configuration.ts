/**
 * Networks that are nothing but a configuration (`--config-only`), and those that are made of one
 * (`--config-from`): the way to a macvlan network that is another one on every node (libnetwork
 * `validateConfiguration`, `applyConfigurationTo`).
 */
import { forbidden, notFound, type Refusal } from '../daemon/refusal.ts';
import type { NetworkRequest } from '../daemon/requests.ts';
import type { LocalNetwork } from './local-network.ts';

/** The driver of networks that cannot be used. */
const NO_DRIVER = 'null';

/**
 * A request with the configuration that it names, or as one itself; why not, when what else it says
 * does not go with that.
 */
export function configured(
  request: NetworkRequest,
  find: (name: string) => LocalNetwork | undefined,
): NetworkRequest | Refusal {
  const { isConfigOnly = false, configFrom } = request;
  if (isConfigOnly) return configurationOf(request);
  if (configFrom === undefined) return request;
  const { labels, ipam, options, isIpv6, ipamDriver, ipamOptions } = request;
  const hasOwn = labels.size > 0 || ipam.length > 0 || (ipamOptions?.size ?? 0) > 0;
  if (hasOwn || isIpv6 === true || ipamDriver !== undefined) {
    return forbidden(
      'user specified configurations are not supported if the network depends on a configuration ' +
        'network',
    );
  }
  if (options.size > 0) {
    return forbidden(
      'network driver options are not supported if the network depends on a configuration network',
    );
  }
  const source = find(configFrom);
  if (source?.facts.isConfigOnly !== true) {
    return notFound(`configuration network "${configFrom}" not found`);
  }
  const { facts } = source;
  return {
    ...request,
    labels: facts.labels,
    ipam: facts.ipam,
    options: facts.options,
    isIpv6: facts.isIpv6 ?? false,
  };
}

function configurationOf(request: NetworkRequest): NetworkRequest | Refusal {
  if (request.isInternal || request.isAttachable) {
    return forbidden(
      'configuration network can only contain network specific fields. Network operator fields ' +
        'like [ ingress | internal | attachable | scope ] are not supported.',
    );
  }
  if (request.configFrom !== undefined) {
    return forbidden('a configuration network cannot depend on another configuration network');
  }
  return { ...request, driver: NO_DRIVER };
}

/** Why a configuration cannot go: a network is made of it. `undefined` when it can. */
export function configurationInUse(
  network: LocalNetwork,
  others: readonly LocalNetwork[],
): Refusal | undefined {
  const { name, facts } = network;
  if (facts.isConfigOnly !== true || !others.some((each) => each.facts.configFrom === name)) {
    return undefined;
  }
  return forbidden(`error while removing network: configuration network "${name}" is in use`);
}
