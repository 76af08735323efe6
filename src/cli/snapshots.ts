import type { Command } from 'commander';
import { withRepositoryAlone } from './context.ts';
import type { Globals } from './globals.ts';
import { runCommand } from './session.ts';

interface Options {
  app?: string;
  latest?: number;
}

export function snapshotsCommand(program: Command): void {
  program
    .command('snapshots')
    .summary('list what the repository holds')
    .description('Lists the snapshots of a repository, oldest first.')
    .option('--app <name>', 'only those of this app')
    .addHelpText(
      'after',
      '\nExamples:\n  relocate snapshots\n  relocate -r file:/srv/backups snapshots --app guestbook\n',
    )
    .action((options: Options, command: Command) => run(command.optsWithGlobals<Globals>(), options));
}

async function run(globals: Globals, options: Options): Promise<void> {
  await runCommand(globals, async (session) => {
    const { snapshotsTable } = await import('../report/snapshot.ts');
    const filter = options.app === undefined ? {} : { tags: [`app=${options.app}`] };
    const snapshots = await withRepositoryAlone(session, (repository) =>
      repository.snapshots(filter, session.emit),
    );
    session.result({ snapshots }, snapshotsTable(snapshots));
  });
}
