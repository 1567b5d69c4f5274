/**
 * The values of NetworkDB's two tables: what an endpoint is on the overlay (`overlay_peer_table`,
 * moby `drivers/overlay/overlay.proto`) and what it serves (`endpoint_table`, `agent.proto`).
 *
 * Addresses are text here because they are text on the wire; a virtual IP that is not set is Go's
 * `<nil>`. Malformed bytes are an error text, as everywhere in this folder.
 */
import { decodeFields, ProtoReader } from './proto-reader.ts';
import {
  boolFieldBytes,
  elementBytes,
  int32FieldBytes,
  textFieldBytes,
  textsFieldBytes,
  uintFieldBytes,
} from './proto-size.ts';
import { ProtoWriter } from './proto-writer.ts';

/** The table of {@link PeerRecord}s; the key is the endpoint's id. */
export const OVERLAY_PEER_TABLE = 'overlay_peer_table';

/** The table of {@link EndpointRecord}s; the key is the endpoint's id. */
export const ENDPOINT_TABLE = 'endpoint_table';

/** How Go prints an IP address that is not set. */
export const NIL_IP = '<nil>';

/** The transport protocols of {@link PortConfig}. */
export const PortProtocol = { tcp: 0, udp: 1, sctp: 2 } as const;

/** The most ports and aliases of one record that are decoded. */
const PARTS_MAX = 65_536;

/** Where an endpoint's frames go. */
export interface PeerRecord {
  /** Address with mask: `10.0.1.5/24`. */
  readonly endpointIp: string;
  readonly endpointMac: string;
  /** The data path address of its node. */
  readonly tunnelEndpointIp: string;
}

/** A published port. */
export interface PortConfig {
  readonly name: string;
  /** One of {@link PortProtocol}; what others send is not checked. */
  readonly protocol: number;
  readonly targetPort: number;
  readonly publishedPort: number;
}

/** A task or container and its service. */
export interface EndpointRecord {
  readonly name: string;
  readonly serviceName: string;
  readonly serviceId: string;
  /** {@link NIL_IP} without one. */
  readonly virtualIp: string;
  /** The address without mask. */
  readonly endpointIp: string;
  /** Only in records of the ingress network. */
  readonly ingressPorts: readonly PortConfig[];
  readonly aliases: readonly string[];
  readonly taskAliases: readonly string[];
  readonly serviceDisabled: boolean;
}

/** Bytes of an encoded peer record. */
export function sizeOfPeerRecord(record: PeerRecord): number {
  return (
    textFieldBytes(record.endpointIp) +
    textFieldBytes(record.endpointMac) +
    textFieldBytes(record.tunnelEndpointIp)
  );
}

/** The bytes of a peer record. */
export function encodePeerRecord(record: PeerRecord): Uint8Array {
  const writer = new ProtoWriter();
  writer.text(1, record.endpointIp);
  writer.text(2, record.endpointMac);
  writer.text(3, record.tunnelEndpointIp);
  return writer.finish();
}

/** A peer record from its bytes, or what is wrong with them. */
export function decodePeerRecord(bytes: Uint8Array): PeerRecord | string {
  return decodeFields(bytes, readPeerRecord);
}

/** Bytes of an encoded endpoint record. */
export function sizeOfEndpointRecord(record: EndpointRecord): number {
  let bytes =
    textFieldBytes(record.name) +
    textFieldBytes(record.serviceName) +
    textFieldBytes(record.serviceId) +
    textFieldBytes(record.virtualIp) +
    textFieldBytes(record.endpointIp) +
    textsFieldBytes(record.aliases) +
    textsFieldBytes(record.taskAliases) +
    boolFieldBytes(record.serviceDisabled);
  for (const port of record.ingressPorts) bytes += elementBytes(portBytes(port));
  return bytes;
}

/** The bytes of an endpoint record. */
export function encodeEndpointRecord(record: EndpointRecord): Uint8Array {
  const writer = new ProtoWriter();
  writer.text(1, record.name);
  writer.text(2, record.serviceName);
  writer.text(3, record.serviceId);
  writer.text(4, record.virtualIp);
  writer.text(5, record.endpointIp);
  for (const port of record.ingressPorts) {
    writer.enter(6);
    writer.text(1, port.name);
    writer.int32(2, port.protocol);
    writer.uint(3, port.targetPort);
    writer.uint(4, port.publishedPort);
    writer.leave();
  }
  writer.texts(7, record.aliases);
  writer.texts(8, record.taskAliases);
  writer.bool(9, record.serviceDisabled);
  return writer.finish();
}

/** An endpoint record from its bytes, or what is wrong with them. */
export function decodeEndpointRecord(bytes: Uint8Array): EndpointRecord | string {
  return decodeFields(bytes, readEndpointRecord);
}

function portBytes(port: PortConfig): number {
  return (
    textFieldBytes(port.name) +
    int32FieldBytes(port.protocol) +
    uintFieldBytes(port.targetPort) +
    uintFieldBytes(port.publishedPort)
  );
}

function readPeerRecord(reader: ProtoReader): PeerRecord {
  let endpointIp = '';
  let endpointMac = '';
  let tunnelEndpointIp = '';
  for (let field = reader.nextField(); field !== 0; field = reader.nextField()) {
    if (field === 1) endpointIp = reader.text();
    else if (field === 2) endpointMac = reader.text();
    else if (field === 3) tunnelEndpointIp = reader.text();
    else reader.skip();
  }
  return { endpointIp, endpointMac, tunnelEndpointIp };
}

function readEndpointRecord(reader: ProtoReader): EndpointRecord {
  let name = '';
  let serviceName = '';
  let serviceId = '';
  let virtualIp = '';
  let endpointIp = '';
  const ingressPorts: PortConfig[] = [];
  const aliases: string[] = [];
  const taskAliases: string[] = [];
  let serviceDisabled = false;
  for (let field = reader.nextField(); field !== 0; field = reader.nextField()) {
    if (field === 1) name = reader.text();
    else if (field === 2) serviceName = reader.text();
    else if (field === 3) serviceId = reader.text();
    else if (field === 4) virtualIp = reader.text();
    else if (field === 5) endpointIp = reader.text();
    else if (field === 6) ingressPorts.push(readPort(new ProtoReader(reader.view())));
    else if (field === 7) aliases.push(reader.text());
    else if (field === 8) taskAliases.push(reader.text());
    else if (field === 9) serviceDisabled = reader.bool();
    else reader.skip();
    if (ingressPorts.length + aliases.length + taskAliases.length > PARTS_MAX) {
      throw new Error('too many parts');
    }
  }
  const service = { serviceName, serviceId, virtualIp };
  const lists = { ingressPorts, aliases, taskAliases };
  return { name, ...service, endpointIp, ...lists, serviceDisabled };
}

function readPort(reader: ProtoReader): PortConfig {
  let name = '';
  let protocol = 0;
  let targetPort = 0;
  let publishedPort = 0;
  for (let field = reader.nextField(); field !== 0; field = reader.nextField()) {
    if (field === 1) name = reader.text();
    else if (field === 2) protocol = reader.int32();
    else if (field === 3) targetPort = reader.uint32();
    else if (field === 4) publishedPort = reader.uint32();
    else reader.skip();
  }
  return { name, protocol, targetPort, publishedPort };
}
