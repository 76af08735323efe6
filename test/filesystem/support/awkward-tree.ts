import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { joinPath } from '../../../src/filesystem/paths.ts';
import { loadPosix } from '../../../src/filesystem/posix.ts';

/** Names that someone's file has, somewhere. */
export const awkwardNames: Buffer[] = [
  'plain',
  ' leading and trailing ',
  '"quoted" \\back\\slashed',
  "it's $HOME `x`;*?[a-z]!",
  '<html>&amp;',
  'new\nline',
  '\u0001\u0007\u0008\u000b\u000c\u001f\u007f control',
  'umlaut ä, zero width \u200b, rtl \u202e, line \u2028 paragraph \u2029',
  'combining e\u0301 and precomposed \u00e9',
  'emoji 👩‍👩‍👧 and private \ue000 and unassigned \u{e0080}',
  'new in Unicode 16: \u{1c89}\u{1fae9}',
  'replacement \ufffd',
  '-rf',
  '.hidden',
  '...',
  'n'.repeat(255),
]
  .map((name) => Buffer.from(name))
  .concat([
    Buffer.from([0xff]),
    Buffer.from([0x61, 0xc3, 0x28, 0x80, 0xe2, 0x82]),
    Buffer.from('latin1 \xe4\xf6\xfc', 'latin1'),
    // Overlong slash, a surrogate, and past the end of Unicode: all no UTF-8.
    Buffer.from([0xc0, 0xaf, 0xed, 0xa0, 0x80, 0xf4, 0x90, 0x80, 0x80]),
  ]);

/**
 * Everything that POSIX knows of, in one folder, which must be there already. Needs root: for owners and devices.
 * Returned is what to call when the folder is no longer needed. For restic before 0.17, what it cannot do is left out:
 * it stores link targets as text, and reads attributes through symlinks.
 */
export async function makeAwkwardTree(
  root: string,
  { resticIsOld = false } = {},
): Promise<() => Promise<void>> {
  const posix = await loadPosix();
  const at = (...names: string[]) => join(root, ...names);
  const bytes = Buffer.from(root);
  const time = (path: string, seconds: number, nanoseconds: number) =>
    posix.setTimes(Buffer.from(path), { seconds, nanoseconds }, { seconds, nanoseconds });

  mkdirSync(at('names'));
  for (const name of awkwardNames)
    writeFileSync(joinPath(Buffer.from(at('names')), name), `in ${name.toString('hex')}`);
  mkdirSync(joinPath(bytes, Buffer.from([0x64, 0xfe, 0x0a])));
  writeFileSync(joinPath(joinPath(bytes, Buffer.from([0x64, 0xfe, 0x0a])), Buffer.from('inside')), 'x');

  mkdirSync(at('content'));
  writeFileSync(at('content', 'empty'), '');
  writeFileSync(at('content', 'zeros'), Buffer.alloc(300_000));
  const random = Buffer.from(
    Array.from({ length: 2_500_000 }, (_, index) => ((index * 2_654_435_761) >>> 13) & 255),
  );
  writeFileSync(at('content', 'several blobs'), random);
  writeFileSync(at('content', 'same again'), random);
  const sparse = openSync(at('content', 'sparse'), 'w');
  writeSync(sparse, Buffer.from('a'), 0, 1, 10_000);
  writeSync(sparse, Buffer.from('island'), 0, 6, 3_000_000);
  ftruncateSync(sparse, 6_000_001);
  closeSync(sparse);

  mkdirSync(at('links'));
  writeFileSync(at('links', 'one'), 'hard');
  linkSync(at('links', 'one'), at('links', 'two'));
  mkdirSync(at('links', 'deeper'));
  linkSync(at('links', 'one'), at('links', 'deeper', 'three'));
  symlinkSync('one', at('links', 'relative'));
  symlinkSync('/nowhere/at/all', at('links', 'dangling'));
  symlinkSync('..', at('links', 'up'));
  if (!resticIsOld) symlinkSync(Buffer.from([0x2f, 0xff, 0x26, 0x08, 0x3c]), at('links', 'bytes'));
  symlinkSync('t'.repeat(4000), at('links', 'long'));
  chownSync(at('links', 'one'), 1234, 54321);

  mkdirSync(at('modes'));
  for (const mode of [0o000, 0o400, 0o644, 0o777, 0o4755, 0o2755, 0o1644, 0o7777]) {
    writeFileSync(at('modes', mode.toString(8)), 'm');
    chmodSync(at('modes', mode.toString(8)), mode);
    mkdirSync(at('modes', `dir ${mode.toString(8)}`));
    chmodSync(at('modes', `dir ${mode.toString(8)}`), mode);
  }

  mkdirSync(at('times'));
  const moments: [string, number, number][] = [
    ['epoch', 0, 0],
    ['before', -86_400 * 365, 999_999_999],
    ['one nanosecond', 1_700_000_000, 1],
    ['trailing zeros', 1_700_000_000, 120_000_000],
    ['summer', 1_720_000_000, 5],
    ['2200', 7_258_118_400, 7],
  ];
  for (const [name, seconds, nanoseconds] of moments) {
    writeFileSync(at('times', name), name);
    time(at('times', name), seconds, nanoseconds);
  }
  symlinkSync('epoch', at('times', 'link'));
  time(at('times', 'link'), 1_234_567_890, 123_456_789);

  mkdirSync(at('attributes'));
  writeFileSync(at('attributes', 'file'), 'a');
  for (const [name, value] of [
    ['user.z', Buffer.from('last')],
    ['user.a <&> "q" ä', Buffer.from([0, 255, 10])],
    ['user.empty', Buffer.alloc(0)],
    ['user.long', Buffer.alloc(3000, 7)],
    ['trusted.root', Buffer.from('only')],
  ] as const) {
    posix.setAttribute(Buffer.from(at('attributes', 'file')), { name, value });
  }
  posix.setAttribute(Buffer.from(at('attributes')), { name: 'user.folder', value: Buffer.from('f') });
  if (!resticIsOld) {
    symlinkSync('file', at('attributes', 'link'));
    posix.setAttribute(Buffer.from(at('attributes', 'link')), {
      name: 'trusted.link',
      value: Buffer.from('l'),
    });
  }

  mkdirSync(at('special'));
  posix.makeNode(Buffer.from(at('special', 'fifo')), 0o010640, 0n);
  posix.makeNode(Buffer.from(at('special', 'null')), 0o020666, 0x103n);
  posix.makeNode(Buffer.from(at('special', 'block')), 0o060660, (300n << 8n) | 5n | (1n << 20n));
  const server = await listen(at('special', 'socket'));

  let deep = at('deep');
  mkdirSync(deep);
  for (let depth = 0; depth < 40; depth += 1) {
    deep = join(deep, `level ${depth}`);
    mkdirSync(deep);
  }
  writeFileSync(join(deep, 'bottom'), 'b');
  mkdirSync(at('empty'));
  time(at('empty'), 1_000_000_000, 42);
  time(at('modes'), 1_000_000_001, 43);
  return () => new Promise((resolve) => server.close(() => resolve()));
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer().unref();
    server.once('error', reject).listen(path, () => resolve(server));
  });
}

/** For clean-up: `rm` as the system has it, which minds no mode. */
export const removeAll = (path: string): void => void execFileSync('rm', ['-rf', path]);
