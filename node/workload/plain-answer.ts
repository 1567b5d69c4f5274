/**
 * Answers of servers without a protocol of their own (plain TCP, UDP, SCTP): so many bytes, which begin
 * with the server's name and a line end where there is room for it.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder('latin1');
const LINE_END = 0x0a;
/** No name is longer. */
const NAME_BYTES_MAX = 253;

/** An answer of `lengthBytes`. */
export function plainAnswer(server: string, lengthBytes: number): Uint8Array {
  const answer = new Uint8Array(lengthBytes);
  const line = encoder.encode(`${server}\n`);
  if (line.length <= lengthBytes) answer.set(line);
  return answer;
}

/** The name at the beginning of an answer; empty where it was too short to hold one. */
export function serverNameIn(bytes: Uint8Array): string {
  const end = bytes.subarray(0, NAME_BYTES_MAX + 1).indexOf(LINE_END);
  return end < 0 ? '' : decoder.decode(bytes.subarray(0, end));
}
