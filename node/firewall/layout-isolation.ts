/**
 * The layout of Docker 17.06 to 27: filter chains DOCKER, DOCKER-ISOLATION-STAGE-1 and -2 and
 * DOCKER-USER, and a group of rules per bridge in FORWARD, newest network on top.
 */
import { formatIpPrefix } from '../../wire/ip-address.ts';
import type { Layout } from './bridge-rules.ts';
import {
  acceptPort,
  addMasquerade,
  checksumFill,
  destinationNat,
  hookUpNat,
  masqueradeOwnPort,
  removeMasquerade,
  unhookNat,
} from './nat-rules.ts';
import type { RuleWriter } from './writer.ts';

const STAGE_1 = 'DOCKER-ISOLATION-STAGE-1';
const STAGE_2 = 'DOCKER-ISOLATION-STAGE-2';

/** See `RuleLayout`'s `isolation`. */
export const isolationLayout: Layout = {
  start(writer) {
    unhookNat(writer);
    writer.remove('filter', 'FORWARD', `-j ${STAGE_1}`);
    writer.dropChain('nat', 'DOCKER');
    for (const chain of ['DOCKER', STAGE_1, STAGE_2]) writer.flush('filter', chain);
    writer.chain('nat', 'DOCKER');
    writer.chain('filter', 'DOCKER');
    for (const chain of [STAGE_1, STAGE_2]) {
      writer.chain('filter', chain);
      writer.append('filter', chain, '-j RETURN');
    }
  },

  dropForwarded(writer) {
    writer.policy('filter', 'FORWARD', 'DROP');
  },

  finishStart(writer) {
    writer.chain('filter', 'DOCKER-USER');
    writer.append('filter', 'DOCKER-USER', '-j RETURN');
    writer.moveToHead('filter', 'FORWARD', '-j DOCKER-USER');
  },

  addNetwork(writer, bridge) {
    const { device } = bridge;
    if (bridge.isInternal) {
      writer.insert(
        'filter',
        STAGE_1,
        `! -d ${formatIpPrefix(bridge.subnet)} -i ${device} -j DROP`,
      );
      writer.insert(
        'filter',
        STAGE_1,
        `! -s ${formatIpPrefix(bridge.subnet)} -o ${device} -j DROP`,
      );
      allowIcc(writer, device, bridge.hasIcc);
      writer.moveToHead('filter', 'FORWARD', `-j ${STAGE_1}`);
      keepFirst(writer);
      return;
    }
    addMasquerade(writer, bridge, bridge.gatewayMode !== 'routed');
    allowIcc(writer, device, bridge.hasIcc);
    writer.insert('filter', 'FORWARD', `-i ${device} ! -o ${device} -j ACCEPT`);
    hookUpNat(writer, bridge);
    writer.insert('filter', 'FORWARD', `-o ${device} -j DOCKER`);
    writer.insert(
      'filter',
      'FORWARD',
      `-o ${device} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    );
    writer.moveToHead('filter', 'FORWARD', `-j ${STAGE_1}`);
    writer.insert('filter', STAGE_1, `-i ${device} ! -o ${device} -j ${STAGE_2}`);
    writer.insert('filter', STAGE_2, `-o ${device} -j DROP`);
    keepFirst(writer);
  },

  removeNetwork(writer, bridge) {
    const { device } = bridge;
    writer.remove('filter', STAGE_1, `! -d ${formatIpPrefix(bridge.subnet)} -i ${device} -j DROP`);
    writer.remove('filter', STAGE_1, `! -s ${formatIpPrefix(bridge.subnet)} -o ${device} -j DROP`);
    removeMasquerade(writer, bridge);
    writer.remove('filter', 'FORWARD', `-i ${device} -o ${device} -j ACCEPT`);
    writer.remove('filter', 'FORWARD', `-i ${device} -o ${device} -j DROP`);
    writer.remove('filter', 'FORWARD', `-i ${device} ! -o ${device} -j ACCEPT`);
    writer.remove('filter', 'FORWARD', `-o ${device} -j DOCKER`);
    writer.remove(
      'filter',
      'FORWARD',
      `-o ${device} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    );
    writer.remove('filter', STAGE_1, `-i ${device} ! -o ${device} -j ${STAGE_2}`);
    writer.remove('filter', STAGE_2, `-o ${device} -j DROP`);
  },

  addEndpoint() {},
  removeEndpoint() {},

  mapPort(writer, bridge, mapping) {
    const isTranslated = bridge.gatewayMode !== 'routed';
    if (isTranslated) writer.append('nat', 'DOCKER', destinationNat(bridge, mapping));
    writer.append('filter', 'DOCKER', acceptPort(bridge, mapping));
    if (isTranslated) writer.append('nat', 'POSTROUTING', masqueradeOwnPort(mapping));
    if (mapping.protocol === 'sctp') writer.append('mangle', 'POSTROUTING', checksumFill(mapping));
  },

  unmapPort(writer, bridge, mapping) {
    writer.remove('nat', 'DOCKER', destinationNat(bridge, mapping));
    writer.remove('filter', 'DOCKER', acceptPort(bridge, mapping));
    writer.remove('nat', 'POSTROUTING', masqueradeOwnPort(mapping));
    if (mapping.protocol === 'sctp') writer.remove('mangle', 'POSTROUTING', checksumFill(mapping));
  },
};

/** Traffic between containers of one bridge: an ACCEPT on top, or a DROP at the very end. */
function allowIcc(writer: RuleWriter, device: string, hasIcc: boolean): void {
  const rule = `-i ${device} -o ${device} -j`;
  if (hasIcc) {
    writer.remove('filter', 'FORWARD', `${rule} DROP`);
    writer.insert('filter', 'FORWARD', `${rule} ACCEPT`);
  } else {
    writer.remove('filter', 'FORWARD', `${rule} ACCEPT`);
    writer.append('filter', 'FORWARD', `${rule} DROP`);
  }
}

/** DOCKER-INGRESS and DOCKER-USER, where they exist, go back to the head of FORWARD. */
function keepFirst(writer: RuleWriter): void {
  for (const chain of ['DOCKER-INGRESS', 'DOCKER-USER']) {
    const jump = `-j ${chain}`;
    if (writer.has('filter', 'FORWARD', jump)) writer.moveToHead('filter', 'FORWARD', jump);
  }
}
