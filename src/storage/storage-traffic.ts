import { Readable } from 'node:stream';
import type { Traffic } from './storage.ts';

/** The content as a stream that gives no piece before it may go. */
export function pacedBody(content: readonly Uint8Array[], { pieceBytes, upload }: Traffic): Readable {
  async function* paced(): AsyncGenerator<Uint8Array> {
    for (const part of content) {
      for (let at = 0; at < part.length; at += pieceBytes) {
        const piece = part.subarray(at, at + pieceBytes);
        await upload?.(piece.length);
        yield piece;
      }
    }
  }
  return Readable.from(paced(), { objectMode: false });
}

/**
 * All that comes, where exactly so many bytes are to come; what is read slowly here is sent slowly there. An answer that
 * breaks off, or has another length, is an error with the code `ECONNRESET`.
 */
export async function readExactly(
  body: AsyncIterable<unknown>,
  sizeBytes: number,
  { into, traffic }: { into?: Buffer | undefined; traffic?: Traffic | undefined } = {},
): Promise<Buffer> {
  const whole = into?.subarray(0, sizeBytes) ?? Buffer.allocUnsafeSlow(sizeBytes);
  let done = 0;
  try {
    for await (const part of body) {
      if (!(part instanceof Uint8Array) || done + part.length > sizeBytes)
        throw new Error('The server sent more than it announced.');
      whole.set(part, done);
      done += part.length;
      await traffic?.download?.(part.length);
    }
    if (done < sizeBytes) throw new Error('The server ended its answer too early.');
    return whole;
  } catch (cause) {
    // Every library has its own word for this, and some have none.
    throw Object.assign(new Error('The answer broke off.', { cause }), { code: 'ECONNRESET' });
  }
}
