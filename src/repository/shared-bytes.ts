import { RelocateError } from '../errors.ts';

/** A stretch of memory that threads share, as it is told to another one: a Buffer would arrive as a copy. */
export interface SharedBytes {
  memory: SharedArrayBuffer;
  byteOffset: number;
  length: number;
}

/** Throws `internal` for memory that is of one thread alone. */
export function share({ buffer, byteOffset, length }: Buffer): SharedBytes {
  if (buffer instanceof SharedArrayBuffer) return { memory: buffer, byteOffset, length };
  throw new RelocateError('internal', 'This memory is not shared.');
}

export function bytesOf({ memory, byteOffset, length }: SharedBytes): Buffer {
  return Buffer.from(memory, byteOffset, length);
}
