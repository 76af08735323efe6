/** Writing a tar archive (POSIX ustar) as a stream, for files with short names alone. Reading one is tar-stream's. */

const blockBytes = 512;
const checksumAt = 148;

/** Pure: the block that stands before a file's content. Names are ASCII of less than 100 characters. */
export function tarHeader(name: string, sizeBytes: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  block.write(name, 0, 99, 'ascii');
  block.write('0000644\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  writeSize(block, sizeBytes);
  block.write('00000000000\0', 136);
  block.write('        ', checksumAt);
  block.write('0', 156);
  block.write('ustar\u000000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, checksumAt);
  return block;
}

/** Eleven octal digits end at 8 GiB; beyond, GNU's binary form, which every reader knows. */
function writeSize(block: Buffer, sizeBytes: number): void {
  const octal = sizeBytes.toString(8);
  if (octal.length <= 11) {
    block.write(`${octal.padStart(11, '0')}\0`, 124);
    return;
  }
  block[124] = 0x80;
  block.writeBigUInt64BE(BigInt(sizeBytes), 128);
}

/** Pure: what fills the content's last block. */
export function tarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((blockBytes - (sizeBytes % blockBytes)) % blockBytes);
}

/** Pure: the end of an archive. */
export const tarEnd = (): Buffer => Buffer.alloc(2 * blockBytes);
