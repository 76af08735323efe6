import { RelocateError } from '../errors.ts';
import type { DeployInput } from '../relocation/prepare.ts';
import type { Repository } from '../repository/repository.ts';
import { findApp, stateFolderOf, withRepository } from './context.ts';
import { readSchemas } from './schemas.ts';
import type { Session } from './session.ts';

/** What `plan` and `deploy` have in common: everything a deploy needs, from a repository and its password alone. */
export async function withDeployInput<T>(
  session: Session,
  options: { to: string; snapshot: string },
  work: (input: DeployInput & { repository: Repository }) => Promise<T>,
): Promise<T> {
  const [{ targetOf }, { sourceOf }, schemas] = await Promise.all([
    import('../../stacks/index.ts'),
    import('../sources/index.ts'),
    readSchemas(),
  ]);
  if (options.to.includes(',')) {
    throw new RelocateError('usage', 'This version deploys to one target at a time.', {
      hint: `Name the first one: --to ${options.to.split(',')[0] ?? ''}`,
    });
  }
  const app = (await findApp(session))?.app;
  const named = app?.targets.find((choice) => choice.name === options.to);
  return withRepository(session, app, (repository) =>
    work({
      repository,
      snapshot: options.snapshot,
      app: app?.name,
      target: targetOf(options.to),
      ...(named ? { targetOptions: named.options } : {}),
      stateFolder: stateFolderOf(session.globals, app),
      sourceOf,
      schemas,
      now: new Date(),
    }),
  );
}
