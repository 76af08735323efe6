import type { Command } from 'commander';
import type { App } from '../app/app.ts';
import type { RequiredCopies } from '../relocation/enough-copies.ts';
import { loadApp, namedRepository, repositoryPlaces, stateFolderOf, withRepository } from './context.ts';
import type { Globals } from './globals.ts';
import { countOption, listOption } from './options.ts';
import { runCommand, type Session } from './session.ts';

interface Options {
  only?: string[];
  minCopies?: number;
  minProviders?: number;
}

export function snapshotCommand(program: Command): void {
  program
    .command('snapshot')
    .summary('capture the app into its repositories')
    .description(
      'Captures everything relocate.yaml names (databases, files, code) at one moment into one snapshot.\n' +
        'What is stored already is not stored again. A source that yields nothing, or less than its floor, fails it.',
    )
    .option(
      '--only <names>',
      'entries of “data:” to capture, comma-separated (“code” for the code folder)',
      listOption,
    )
    .option(
      '--min-copies <n>',
      'fail unless so many repositories have it (default: as relocate.yaml says)',
      countOption,
    )
    .option('--min-providers <n>', 'fail unless it lies at so many different providers', countOption)
    .addHelpText(
      'after',
      '\nExamples:\n  relocate snapshot\n  relocate snapshot --only db --json\n  relocate snapshot --min-copies 2\n' +
        '\nExit codes: 0 everywhere · 3 not in every repository, or not complete · 1 failed, or in too few\n',
    )
    .action((options: Options, command: Command) => run(command.optsWithGlobals<Globals>(), options));
}

async function run(globals: Globals, options: Options): Promise<void> {
  await runCommand(globals, async (session) => {
    const [{ app, text }, copies, { providerOf }] = await Promise.all([
      loadApp(session),
      import('../relocation/enough-copies.ts'),
      import('../storage/providers.ts'),
    ]);
    const required = requiredOf(options, session, app);
    const places = repositoryPlaces(session, app).map(({ url }) => ({ url, provider: providerOf(url) }));
    copies.assertPossible(places, required);
    const stateFolder = stateFolderOf(globals, app);
    const input = {
      app,
      configText: text,
      stateFolder,
      providerOf,
      only: options.only,
      readConcurrency: globals.readConcurrency,
    };
    const result = await withRepository(
      session,
      app,
      async (repository) => {
        const { takeSnapshot, sourceOf } = await loadModules();
        return takeSnapshot({ ...input, repository, sourceOf }, session);
      },
      { purpose: 'saving', whileUnlocking: () => void loadModules() },
    );
    const { snapshotSummary } = await loadModules();
    const verdict = copies.judgeCopies(result.copies, required);
    session.result({ ...result, required, verdict }, snapshotSummary(result, { required, verdict }));
    if (verdict === 'too few') return 1;
    return verdict === 'enough' || result.problems.length > 0 ? 3 : 0;
  });
}

async function loadModules() {
  const [{ takeSnapshot }, { sourceOf }, { snapshotSummary }] = await Promise.all([
    import('../relocation/snapshot.ts'),
    import('../sources/index.ts'),
    import('../report/snapshot.ts'),
  ]);
  return { takeSnapshot, sourceOf, snapshotSummary };
}

/** What relocate.yaml asks for is meant of the repositories that it lists, not of one that is named instead. */
function requiredOf(options: Options, session: Session, app: App): RequiredCopies {
  const { min, minProviders } = namedRepository(session) === undefined ? app.copies : {};
  return { copies: options.minCopies ?? min ?? 1, providers: options.minProviders ?? minProviders ?? 1 };
}
