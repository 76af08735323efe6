import { RelocateError } from '../errors.ts';

/** A stretch of memory that threads share, as it is told to another one: a Buffer would arrive as a copy. */
export interface SharedBytes {
  /** Undefined for the memory that the thread was given at its start: to send it each time costs half a millisecond. */
  memory: SharedArrayBuffer | undefined;
  byteOffset: number;
  length: number;
}

/** Throws `internal` for memory that is of one thread alone. */
export function memoryOf({ buffer }: Buffer): SharedArrayBuffer {
  if (buffer instanceof SharedArrayBuffer) return buffer;
  throw new RelocateError('internal', 'This memory is not shared.');
}

/** `given`: what the other thread was given at its start. */
export function share(bytes: Buffer, given: SharedArrayBuffer): SharedBytes {
  const memory = memoryOf(bytes);
  const { byteOffset, length } = bytes;
  return { memory: memory === given ? undefined : memory, byteOffset, length };
}

export function bytesOf({ memory, byteOffset, length }: SharedBytes, given: SharedArrayBuffer): Buffer {
  return Buffer.from(memory ?? given, byteOffset, length);
}
