import type { Command } from 'commander';
import { withRepositoryAlone } from './context.ts';
import type { Globals } from './globals.ts';
import { runCommand } from './session.ts';

interface Options {
  files?: boolean;
}

export function showCommand(program: Command): void {
  program
    .command('show')
    .summary('what a snapshot holds')
    .description(
      'Shows what a snapshot holds: its sources with sizes and fingerprints, and with --files every file.',
    )
    .argument('<snapshot>', '“latest”, or an unambiguous beginning of an ID')
    .option('--files', 'list every file')
    .addHelpText('after', '\nExamples:\n  relocate show latest\n  relocate show 4bf5a3c1 --files\n')
    .action((id: string, options: Options, command: Command) =>
      run(command.optsWithGlobals<Globals>(), id, options),
    );
}

async function run(globals: Globals, id: string, options: Options): Promise<void> {
  await runCommand(globals, async (session) => {
    const [{ readManifest }, { listTree }, { showText }, { listing }] = await Promise.all([
      import('../relocation/manifest.ts'),
      import('../filesystem/list.ts'),
      import('../report/snapshot.ts'),
      import('../report/listing.ts'),
    ]);
    await withRepositoryAlone(session, async (repository) => {
      const snapshot = await repository.findSnapshot(id);
      if (options.files) {
        const lines: string[] = [];
        const files: object[] = [];
        for await (const entry of listTree(repository, snapshot.tree)) {
          if (globals.json)
            files.push({
              path: entry.path.toString(),
              type: entry.node.type,
              sizeBytes: entry.node.size,
              mtime: entry.node.mtime,
            });
          else lines.push(listing(entry));
        }
        session.result({ snapshot, files }, lines.join('\n'));
        return;
      }
      const manifest = await readManifest(repository, snapshot);
      session.result({ snapshot, manifest }, showText(manifest, snapshot));
    });
  });
}
