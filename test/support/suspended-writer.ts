// A writer to be suspended before it writes its snapshot: node suspended-writer.ts FOLDER. Says `saved` when all blobs
// and the index are there, waits for a line, saves the snapshot, and says how that ended. Its clock runs a thousand times
// as fast while it is suspended: a few seconds of a test are the hour that nobody can wait for.
import { once } from 'node:events';
import { RelocateError } from '../../src/errors.ts';
import { openRepository } from '../../src/repository/index.ts';
import { LocalStorage } from '../../src/storage/local.ts';

const suspendedMs = 3_000;
const realNow = Date.now;
let last = realNow();
let ahead = 0;
Date.now = () => {
  const now = realNow();
  if (now - last > suspendedMs) ahead += (now - last) * 1_000;
  last = now;
  return now + ahead;
};
setInterval(() => Date.now(), 20).unref();
// restic asks the holder of a lock whether it lives.
process.on('SIGHUP', () => {});

const repository = await openRepository(new LocalStorage(process.argv[2] ?? ''), 'pw');
const ended = await repository
  .withLock('shared', {}, async () => {
    const content = Buffer.from('what only this snapshot holds '.repeat(10_000));
    const saved = await repository.saveBytes(content);
    const time = '2026-01-01T00:00:00Z';
    const node = `"name":"file","type":"file","mtime":"${time}","atime":"${time}","ctime":"${time}","uid":0,"gid":0`;
    const json = `{"nodes":[{${node},"size":${saved.sizeBytes},"content":${JSON.stringify(saved.content)}}]}\n`;
    const tree = await repository.saveTree(Buffer.from(json));
    await repository.flush();
    process.stdout.write('saved\n');
    await once(process.stdin, 'data');
    // Without a look at the signal: what counts is what the repository itself lets through.
    return repository.saveSnapshot({ time: new Date(realNow()).toISOString(), tree, paths: ['/'] });
  })
  .catch((error: unknown) => (error instanceof RelocateError ? error.code : String(error)));
await repository.close();
process.stdout.write(`${ended}\n`);
process.stdin.destroy();
