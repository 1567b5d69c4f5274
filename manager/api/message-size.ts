/**
 * Approximate sizes of messages between agents and managers, in bytes of TCP payload.
 *
 * The connection is TLS, so the exact bytes are nobody's to see; what matters is the order of
 * magnitude for bandwidth. A figure is the protobuf's typical size plus gRPC framing (5 bytes),
 * HTTP/2 frame headers (9 bytes each) and the TLS record (29 bytes).
 */
import type { Task } from '../objects/task.ts';
import type { ManagerMessage } from './dispatcher-messages.ts';

const FRAMING_BYTES = 5 + 9 + 9 + 29;
const NODE_BYTES = 700;
const ATTACHMENT_BYTES = 300;
const TASK_BYTES = 420;
const STATUS_BYTES = 150;
const KEY_BYTES = 50;
const PEER_BYTES = 50;

/** The approximate size of a message, in bytes. */
export function sizeBytesOf(message: ManagerMessage): number {
  switch (message.kind) {
    case 'sessionRequest':
      return FRAMING_BYTES + NODE_BYTES;
    case 'heartbeatRequest':
    case 'assignmentsRequest':
    case 'sessionClose':
      return FRAMING_BYTES + 27;
    case 'updateTaskStatusRequest':
      return FRAMING_BYTES + 27 + STATUS_BYTES * message.updates.length;
    case 'sessionMessage':
      return (
        FRAMING_BYTES +
        NODE_BYTES +
        ATTACHMENT_BYTES * message.node.attachments.length +
        PEER_BYTES * message.managers.length +
        KEY_BYTES * message.networkBootstrapKeys.length
      );
    case 'heartbeatResponse':
      return FRAMING_BYTES + 8;
    case 'updateTaskStatusResponse':
      return FRAMING_BYTES;
    case 'rpcError':
      return FRAMING_BYTES + message.message.length;
    case 'assignmentsMessage': {
      let sizeBytes = FRAMING_BYTES + 8;
      for (const change of message.changes) {
        sizeBytes += change.action === 'update' ? taskBytesOf(change.task) : 30;
      }
      return sizeBytes;
    }
  }
}

function taskBytesOf(task: Task): number {
  return TASK_BYTES + ATTACHMENT_BYTES * task.networks.length;
}
