/**
 * How a bridge network is reached from beyond its host, and reaches there
 * (`com.docker.network.bridge.gateway_mode_ipv4`, from 27 on).
 */

/**
 * `nat`: by published ports only. `nat-unprotected`: by them, and by the containers' addresses.
 * `routed`: by the containers' addresses and published ports, without NAT. `isolated`: not at all,
 * the host included.
 */
export type GatewayMode = 'nat' | 'nat-unprotected' | 'routed' | 'isolated';

const MODES_OF_27: readonly GatewayMode[] = ['nat', 'routed'];
const MODES: readonly GatewayMode[] = [...MODES_OF_27, 'nat-unprotected', 'isolated'];

/** The modes that a version of the engine knows; none where it does not read the option. */
export function gatewayModesOf(major: number): readonly GatewayMode[] {
  if (major < 27) return [];
  return major === 27 ? MODES_OF_27 : MODES;
}
