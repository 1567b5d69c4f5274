/**
 * memberlist's configurations under upstream's names (memberlist v0.4.0 `config.go`
 * `DefaultLANConfig`, `DefaultWANConfig`, `DefaultLocalConfig`) and Docker's (moby
 * `libnetwork/networkdb/cluster.go`), and the limits of `net.go`.
 */
import { MILLISECOND_NS, SECOND_NS } from '../sim/time.ts';
import type { IpPrefix } from '../wire/ip-address.ts';
import { MEMBERLIST_0_4_0, type MemberlistVersion } from './memberlist-version.ts';

/** Tunables of one member; spans in ns. Members of one cluster may differ. */
export interface SwimConfig {
  /** Whose behaviour, where versions of memberlist differ. */
  readonly memberlist: MemberlistVersion;
  readonly tcpTimeoutNs: number;
  readonly indirectChecks: number;
  readonly retransmitMult: number;
  readonly suspicionMult: number;
  readonly suspicionMaxTimeoutMult: number;
  readonly pushPullIntervalNs: number;
  readonly probeIntervalNs: number;
  readonly probeTimeoutNs: number;
  readonly disableTcpPings: boolean;
  readonly awarenessMaxMultiplier: number;
  readonly gossipNodes: number;
  readonly gossipIntervalNs: number;
  readonly gossipToTheDeadTimeNs: number;
  /** How long a dead name is kept from another address; 0 is for ever. */
  readonly deadNodeReclaimTimeNs: number;
  /** Largest packet before encryption and checksum, in bytes. */
  readonly udpBufferBytes: number;
  /** The longest encrypted stream that is taken, in bytes; a constant upstream (`net.go`). */
  readonly maxPushStateBytes: number;
  /** Whether streams are compressed, and packets that become smaller (`EnableCompression`). */
  readonly enableCompression: boolean;
  /** Whether there is a keyring with a key. */
  readonly hasKeyring: boolean;
  /** Its keys by name, primary first, where members differ in them; no names are one common key. */
  readonly keyring: readonly string[];
  /** Whether what is not encrypted is refused where there is a keyring. */
  readonly gossipVerifyIncoming: boolean;
  /** Whether packets and streams are encrypted where there is a keyring. */
  readonly gossipVerifyOutgoing: boolean;
  /** In front of every packet and stream; empty for none. */
  readonly label: string;
  /** Whether somebody before the member takes the labels off: what has one is refused. */
  readonly skipInboundLabelCheck: boolean;
  /** Whether nothing is sent to an address of which the member knows no name. */
  readonly requireNodeNames: boolean;
  /** How many messages of a priority wait for the consumer. */
  readonly handoffQueueDepth: number;
  /** Protocol versions that the member understands (`PMin`, `PMax`) and speaks (`PCur`). */
  readonly protocolVersionMin: number;
  readonly protocolVersionMax: number;
  readonly protocolVersion: number;
  /** The same of the delegate (`DMin`, `DMax`, `DCur`). */
  readonly delegateProtocolMin: number;
  readonly delegateProtocolMax: number;
  readonly delegateProtocolVersion: number;
  /** Where members may be; `undefined` allows every address. */
  readonly cidrsAllowed: readonly IpPrefix[] | undefined;
  /** Whether a ping to a suspect carries the suspicion (Lifeguard's buddy system). */
  readonly buddyRefutation: boolean;
}

/** `DefaultLANConfig`. */
export const LAN: SwimConfig = {
  memberlist: MEMBERLIST_0_4_0,
  tcpTimeoutNs: 10 * SECOND_NS,
  indirectChecks: 3,
  retransmitMult: 4,
  suspicionMult: 4,
  suspicionMaxTimeoutMult: 6,
  pushPullIntervalNs: 30 * SECOND_NS,
  probeIntervalNs: SECOND_NS,
  probeTimeoutNs: 500 * MILLISECOND_NS,
  disableTcpPings: false,
  awarenessMaxMultiplier: 8,
  gossipNodes: 3,
  gossipIntervalNs: 200 * MILLISECOND_NS,
  gossipToTheDeadTimeNs: 30 * SECOND_NS,
  deadNodeReclaimTimeNs: 0,
  udpBufferBytes: 1400,
  maxPushStateBytes: 20 * 1024 * 1024,
  enableCompression: true,
  hasKeyring: false,
  keyring: [],
  gossipVerifyIncoming: true,
  gossipVerifyOutgoing: true,
  label: '',
  skipInboundLabelCheck: false,
  requireNodeNames: false,
  handoffQueueDepth: 1024,
  protocolVersionMin: 1,
  protocolVersionMax: 5,
  protocolVersion: 2,
  delegateProtocolMin: 0,
  delegateProtocolMax: 0,
  delegateProtocolVersion: 0,
  cidrsAllowed: undefined,
  buddyRefutation: true,
};

/** `DefaultWANConfig`. */
export const WAN: SwimConfig = {
  ...LAN,
  tcpTimeoutNs: 30 * SECOND_NS,
  suspicionMult: 6,
  pushPullIntervalNs: 60 * SECOND_NS,
  probeTimeoutNs: 3 * SECOND_NS,
  probeIntervalNs: 5 * SECOND_NS,
  gossipNodes: 4,
  gossipIntervalNs: 500 * MILLISECOND_NS,
  gossipToTheDeadTimeNs: 60 * SECOND_NS,
};

/** `DefaultLocalConfig`. */
export const LOCAL: SwimConfig = {
  ...LAN,
  tcpTimeoutNs: SECOND_NS,
  indirectChecks: 1,
  retransmitMult: 2,
  suspicionMult: 3,
  pushPullIntervalNs: 15 * SECOND_NS,
  probeTimeoutNs: 200 * MILLISECOND_NS,
  gossipIntervalNs: 100 * MILLISECOND_NS,
  gossipToTheDeadTimeNs: 15 * SECOND_NS,
};

/** networkdb's: LAN with the managers' gossip keys; the buffer is the control plane's MTU - 100. */
export const DOCKER: SwimConfig = { ...LAN, hasKeyring: true };

/** The configurations by the names that scenarios use. */
export const PROFILES: Readonly<Record<string, SwimConfig>> = {
  lan: LAN,
  wan: WAN,
  local: LOCAL,
  docker: DOCKER,
};

/** The largest meta in bytes (`MetaMaxSize`). */
export const META_MAX_SIZE = 512;

/** memberlist's and Docker's port. */
export const GOSSIP_PORT = 7946;

/** `compoundHeaderOverhead`: type and count of a compound message. */
export const COMPOUND_HEADER_OVERHEAD = 2;
/** `compoundOverhead`: the length of one part. */
export const COMPOUND_OVERHEAD = 2;
/** `userMsgOverhead`: the type byte before a delegate's message. */
export const USER_MSG_OVERHEAD = 1;
/** Type byte and checksum before a packet for a member of protocol 5 and later. */
export const CRC_OVERHEAD = 5;
/** Type byte and length before an encrypted stream. */
export const ENCRYPTED_STREAM_HEADER = 5;
/** Encrypted streams above this share of what is taken are worth a warning. */
export const LARGE_STREAM_SHARE = 0.6;
/** A push/pull is refused when as many as this are under way with it (`maxPushPullRequests`). */
export const MAX_PUSH_PULL_REQUESTS = 128;
/** More nodes than this lengthen the push/pull interval (`pushPullScaleThreshold`). */
export const PUSH_PULL_SCALE_THRESHOLD = 32;

/** What a paused process's UDP socket holds: Linux doubles and caps the buffer asked for. */
export const SOCKET_BUFFER_BYTES = 425_984;
/** What a small and a large packet take of it (`skb->truesize`). */
export const SMALL_PACKET_TRUESIZE = 768;
/** See {@link SMALL_PACKET_TRUESIZE}. */
export const LARGE_PACKET_TRUESIZE = 2304;
/** The largest payload of a small packet. */
export const SMALL_PACKET_BYTES = 448;
