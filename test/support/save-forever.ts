/** Saves pack after pack in the folder given until it is killed; says so when it has begun. */
import { createHash, randomBytes } from 'node:crypto';
import { LocalStorage } from '../../src/storage/local.ts';

const storage = new LocalStorage(process.argv[2] ?? '');
process.stdout.write('begun\n');
for (;;) {
  const content = randomBytes(8 * 1024 * 1024);
  await storage.save({ type: 'pack', name: createHash('sha256').update(content).digest('hex') }, [content]);
}
