import { crc32, deflateSync } from 'node:zlib';

const side = 64;

/** A PNG of 64 × 64 pixels, another one for each number: soft noise in a colour of its own (PNG specification, third edition). */
export function drawPicture(number: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  // 8 bits a channel, true colour.
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(pixels(number))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function pixels(number: number): Buffer {
  const random = noise(number + 1);
  const tint = [random() % 160, random() % 160, random() % 160];
  // Each row begins with the number of its filter: none.
  const rows = Buffer.alloc(side * (1 + side * 3));
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const shade = (x + y) / 2 + (random() % 32);
      const at = y * (1 + side * 3) + 1 + x * 3;
      for (const [channel, base] of tint.entries()) rows[at + channel] = Math.min(255, base + shade);
    }
  }
  return rows;
}

/** A xorshift generator: the same numbers in every run. */
function noise(seed: number): () => number {
  let state = (seed * 0x9e3779b1) >>> 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

function chunk(type: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(content.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}
