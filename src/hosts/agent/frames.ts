import { RelocateError } from '../../errors.ts';

/**
 * How the two ends of an agent's channel speak: frames of a JSON message and bytes that go with it. Each begins with
 * the lengths of both, 32 bits each, big-endian.
 */
export interface Frame {
  message: unknown;
  body: Buffer;
}

const headBytes = 8;
/** Whoever sends more is no end of ours, and is not given memory. */
const maxMessageBytes = 256 * 1024 * 1024;
const maxBodyBytes = 256 * 1024 * 1024;

/** Pure. The body is not copied. */
export function encodeFrame(message: unknown, body: Uint8Array = Buffer.alloc(0)): Uint8Array[] {
  const text = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(text.length, 0);
  head.writeUInt32BE(body.length, 4);
  return body.length === 0 ? [Buffer.concat([head, text])] : [Buffer.concat([head, text]), body];
}

/** Pure but for what it keeps of the stream so far. Throws `host-failed` for bytes that no end of ours has sent. */
export class FrameReader {
  #parts: Buffer[] = [];
  #sizeBytes = 0;

  /** The frames that are whole now. */
  *add(chunk: Buffer): Generator<Frame> {
    this.#parts.push(chunk);
    this.#sizeBytes += chunk.length;
    while (this.#sizeBytes >= headBytes) {
      const head = this.#joined(headBytes);
      const messageBytes = head.readUInt32BE(0);
      const bodyBytes = head.readUInt32BE(4);
      if (messageBytes > maxMessageBytes || bodyBytes > maxBodyBytes) throw noFrame();
      const wholeBytes = headBytes + messageBytes + bodyBytes;
      if (this.#sizeBytes < wholeBytes) return;
      const whole = this.#joined(wholeBytes);
      const frame = whole.subarray(0, wholeBytes);
      const rest = whole.subarray(wholeBytes);
      this.#parts = rest.length === 0 ? [] : [rest, ...this.#parts.slice(1)];
      this.#sizeBytes -= wholeBytes;
      yield {
        message: parse(frame.subarray(headBytes, headBytes + messageBytes)),
        body: frame.subarray(headBytes + messageBytes),
      };
    }
  }

  /** So many bytes in one piece, which then is the first part. */
  #joined(wantedBytes: number): Buffer {
    const [first] = this.#parts;
    if (first !== undefined && first.length >= wantedBytes) return first;
    let count = 0;
    for (let sizeBytes = 0; sizeBytes < wantedBytes; count += 1) sizeBytes += this.#parts[count]?.length ?? 0;
    const joined = Buffer.concat(this.#parts.splice(0, count));
    this.#parts.unshift(joined);
    return joined;
  }
}

function parse(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    throw noFrame();
  }
}

function noFrame(): RelocateError {
  return new RelocateError('host-failed', 'What came from the host is not what relocate’s agent says.', {
    hint: 'A start-up file of the shell there may print something: it must be silent for commands. Nothing was lost.',
  });
}
