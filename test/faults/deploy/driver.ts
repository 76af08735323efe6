// A deploy in a process of its own, to be killed: node driver.ts deploy|resume|destroy REPOSITORY STATE_FOLDER
import { targetOf } from '../../../stacks/index.ts';
import { RelocateError } from '../../../src/errors.ts';
import { silent } from '../../../src/events.ts';
import { deploy } from '../../../src/relocation/deploy.ts';
import { destroy } from '../../../src/relocation/destroy.ts';
import { openRepository } from '../../../src/repository/index.ts';
import { sourceOf } from '../../../src/sources/index.ts';
import { openStorage } from '../../../src/storage/index.ts';
import { password, schemas } from '../../support/deploy-app.ts';

const [action, url = '', stateFolder = ''] = process.argv.slice(2);
const interrupt = new AbortController();
process.on('SIGINT', () => interrupt.abort(new RelocateError('interrupted', 'Interrupted.')));
const tools = { emit: silent, signal: interrupt.signal };
const repository = await openRepository(await openStorage(url), password);
try {
  const result =
    action === 'destroy'
      ? await destroy({ stateFolder, which: 'all', openRepository: async () => repository, targetOf }, tools)
      : await deploy(
          {
            repository,
            snapshot: 'latest',
            target: targetOf('local'),
            stateFolder,
            sourceOf,
            schemas,
            now: new Date(),
            resume: action === 'resume',
          },
          tools,
        );
  process.stdout.write(JSON.stringify(result));
} catch (error) {
  if (!(error instanceof RelocateError)) throw error;
  process.stdout.write(JSON.stringify({ error: error.code, message: error.message, hint: error.hint }));
  process.stderr.write(
    `${error.stack ?? ''}\n${String(error.cause instanceof Error ? error.cause.stack : '')}\n`,
  );
  process.exitCode = 1;
} finally {
  await repository.close();
}
