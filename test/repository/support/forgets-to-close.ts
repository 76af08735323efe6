// Saves enough for threads to be started into the folder named, and never closes the repository.
import { randomBytes } from 'node:crypto';
import { createRepository } from '../../../src/repository/index.ts';
import { LocalStorage } from '../../../src/storage/local.ts';

const repository = await createRepository(new LocalStorage(process.argv[2] ?? ''), 'a password');
await repository.saveBytes(randomBytes(8 * 1024 * 1024));
await repository.flush();
process.stdout.write('saved\n');
