import type { Command } from 'commander';
import type { App } from '../app/app.ts';
import { RelocateError } from '../errors.ts';
import type { Repository } from '../repository/repository.ts';
import type { CopyResult, StoredSnapshot } from '../repository/types.ts';
import { copyPlaces, findApp, loadApp, namedRepository, repositoryUrl } from './context.ts';
import { withOneRepository } from './each-repository.ts';
import type { Globals } from './globals.ts';
import { runCommand, type Session } from './session.ts';
import { addFromOptions, fromUrl, openFromRepository, type FromOptions } from './source-repository.ts';

interface Options extends FromOptions {
  app?: string;
}

export function copyCommand(program: Command): void {
  const copy = program
    .command('copy')
    .summary('copy snapshots between repositories')
    .description(
      'Copies snapshots from the repository of --from-repo into that of -r, as “restic copy” does: each keeps its time\n' +
        'and its tags, what is there already is neither read nor written again. Interrupted, it goes on the next time.\n' +
        'Without --from-repo and -r, where relocate.yaml lists several repositories: each gets what it lacks.',
    )
    .argument('[ids...]', 'snapshots to copy, “latest” or beginnings of their IDs (default: all)');
  addFromOptions(copy, 'to copy from')
    .option('--app <name>', 'only snapshots of this app')
    .addHelpText(
      'after',
      '\nExamples:\n  relocate copy\n' +
        '  relocate -r s3:https://s3.example.com/guestbook copy --from-repo file:/mnt/backup/guestbook\n' +
        '  relocate -r /mnt/second copy latest --from-repo /mnt/first --from-password-file first-password\n',
    )
    .action((ids: string[], options: Options, command: Command) =>
      run(command.optsWithGlobals<Globals>(), ids, options),
    );
}

async function run(globals: Globals, ids: readonly string[], options: Options): Promise<void> {
  await runCommand(globals, async (session) => {
    if (fromUrl(session, options) === undefined && namedRepository(session) === undefined) {
      const { app } = await loadApp(session);
      if (app.repositories.length > 1) return copyListed(session, app, ids, options.app);
    }
    const { copyText } = await import('../report/house.ts');
    await refuseSamePlace(session, options);
    const from = await openFromRepository(session, options);
    try {
      const result = await withOneRepository(session, (to) =>
        copyBetween(session, from, to, ids, options.app),
      );
      session.result(result, copyText(result));
      if (result.failed.length === 0) return 0;
      return result.copied.length + result.present.length > 0 ? 3 : 1;
    } finally {
      await from.close();
    }
  });
}

/** Between all that relocate.yaml lists: each gets what it lacks. */
async function copyListed(
  session: Session,
  app: App,
  ids: readonly string[],
  onlyApp: string | undefined,
): Promise<number> {
  const [{ catchUp, failedCatchUps }, { catchUpText }] = await Promise.all([
    import('../repository/copies/catch-up.ts'),
    import('../report/house.ts'),
  ]);
  const { emit, signal } = session;
  const filter = onlyApp === undefined ? {} : { tags: [`app=${onlyApp}`] };
  const done = await catchUp(copyPlaces(session, app, { purpose: 'saving' }), { emit, signal, ids, filter });
  const shown = done.map(({ error, ...one }) =>
    error === undefined ? one : { ...one, error: { code: error.code, message: error.message } },
  );
  session.result({ repositories: shown }, catchUpText(done));
  return failedCatchUps(done).length === 0 ? 0 : 3;
}

async function copyBetween(
  { emit, signal }: Session,
  from: Repository,
  to: Repository,
  ids: readonly string[],
  app: string | undefined,
): Promise<CopyResult> {
  const { copySnapshots } = await import('../repository/copy.ts');
  return from.withLock('shared', { signal }, (fromSignal) =>
    to.withLock('shared', { signal: fromSignal }, async (bothSignal) => {
      const snapshots = await chosenSnapshots(from, ids, app);
      return copySnapshots(from, to, { ...(snapshots ? { snapshots } : {}), emit, signal: bothSignal });
    }),
  );
}

async function chosenSnapshots(
  from: Repository,
  ids: readonly string[],
  app: string | undefined,
): Promise<StoredSnapshot[] | undefined> {
  const filter = app === undefined ? {} : { tags: [`app=${app}`] };
  if (ids.length > 0) return Promise.all(ids.map((id) => from.findSnapshot(id, filter)));
  return app === undefined ? undefined : from.snapshots(filter);
}

/** To copy a repository into itself is a mistake in a command line, not a wish. */
async function refuseSamePlace(session: Session, options: FromOptions): Promise<void> {
  const from = fromUrl(session, options);
  if (from === undefined) return;
  const { globals, environment } = session;
  const named = globals.repo ?? environment['RELOCATE_REPOSITORY'] ?? environment['RESTIC_REPOSITORY'];
  const to = named ?? repositoryUrl(session, (await findApp(session))?.app);
  if (from === to)
    throw new RelocateError('usage', `${from} cannot be copied into itself.`, {
      hint: '--from-repo names the repository to copy from, -r the one to copy into.',
    });
}
