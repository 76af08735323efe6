import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

/** A file on its way to a host. */
export interface PackedFile {
  /** Where it comes to lie, relative, with slashes. */
  path: string;
  /** Where it lies here; or its content. */
  from: string | Buffer;
  executable?: boolean;
}

const blockBytes = 512;

/** Reads files into one tar archive (POSIX.1-1988, with pax names where they are long). Owners are who unpacks it. */
export async function* tarOf(files: readonly PackedFile[]): AsyncGenerator<Buffer> {
  for (const { path, from, executable = false } of files) {
    const sizeBytes = typeof from === 'string' ? (await stat(from)).size : from.length;
    const name = Buffer.from(path);
    if (name.length > 100) {
      const record = paxRecord('path', path);
      yield header('pax', record.length, 'x', false);
      yield padded(record);
    }
    yield header(path, sizeBytes, '0', executable);
    if (typeof from === 'string') yield* exactly(from, sizeBytes);
    else yield from;
    yield Buffer.alloc((blockBytes - (sizeBytes % blockBytes)) % blockBytes);
  }
  yield Buffer.alloc(2 * blockBytes);
}

async function* exactly(file: string, sizeBytes: number): AsyncGenerator<Buffer> {
  let seenBytes = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    if (!Buffer.isBuffer(chunk)) continue;
    seenBytes += chunk.length;
    yield chunk;
  }
  if (seenBytes !== sizeBytes) throw new Error(`${file} changed while it was read`);
}

function header(name: string, sizeBytes: number, type: '0' | 'x', executable: boolean): Buffer {
  const block = Buffer.alloc(blockBytes);
  block.write(name, 0, 100);
  block.write(executable ? '0000755\0' : '0000644\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  block.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124);
  block.write('00000000000\0', 136);
  block.write('        ', 148);
  block.write(type, 156);
  block.write('ustar\u000000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** "27 path=…\n": the number counts itself. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (String(length).length !== String(rest).length) length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((blockBytes - (bytes.length % blockBytes)) % blockBytes)]);
}
