import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { RelocateError, systemCodeOf } from '../errors.ts';
import type { Polynomial } from '../repository/polynomial.ts';
import { configPathOf } from './context.ts';
import type { Globals } from './globals.ts';
import { runCommand, type Session } from './session.ts';
import { addFromOptions, openFromRepository, type FromOptions } from './source-repository.ts';

interface Options extends FromOptions {
  force?: boolean;
  repository?: boolean;
  copyChunkerParams?: boolean;
}

export function initCommand(program: Command): void {
  const init = program
    .command('init')
    .summary('write relocate.yaml, or create the repository')
    .description(
      'Looks at this folder (Compose file, Procfile, .env, package.json, databases, uploads) and writes a commented\n' +
        'relocate.yaml. What it finds and cannot classify is listed as an open question, never dropped.\n' +
        'With --repository it creates the repositories instead, those that are not there yet.',
    )
    .option('--repository', 'create what relocate.yaml lists (or -r names)')
    .option('--force', 'replace a relocate.yaml that is there')
    .option(
      '--copy-chunker-params',
      'cut files as that of --from-repo does, so that both share what is copied',
    );
  addFromOptions(init, 'to take after')
    .addHelpText(
      'after',
      '\nExamples:\n  relocate init\n  relocate init --repository --password-file ~/.relocate-password\n' +
        '  relocate -r /mnt/second init --repository --copy-chunker-params --from-repo /mnt/first\n',
    )
    .action((options: Options, command: Command) => run(command.optsWithGlobals<Globals>(), options));
}

async function run(globals: Globals, options: Options): Promise<void> {
  await runCommand(globals, async (session) => {
    if (!options.repository) return writeConfig(session, options.force ?? false);
    const { createRepositories } = await import('./create-repositories.ts');
    return createRepositories(
      session,
      options.copyChunkerParams ? await polynomialOf(session, options) : undefined,
    );
  });
}

async function writeConfig(session: Session, force: boolean): Promise<void> {
  const [{ proposeApp }, { readFolderFacts }] = await Promise.all([
    import('../app/propose.ts'),
    import('./folder-facts.ts'),
  ]);
  const path = configPathOf(session.globals);
  const { yaml, questions } = proposeApp(await readFolderFacts(dirname(path)));
  try {
    await writeFile(path, yaml, { flag: force ? 'w' : 'wx' });
  } catch (cause) {
    if (systemCodeOf(cause) !== 'EEXIST') throw cause;
    throw new RelocateError('usage', `${path} is there already. It was not touched.`, {
      hint: 'Replace it with: relocate init --force — or create its repository with: relocate init --repository',
      cause,
    });
  }
  await writeSchema(dirname(path), session);
  const open = questions.map((question) => `  ? ${question}`);
  session.result(
    { path, questions },
    [
      `Wrote ${path}.`,
      ...(open.length > 0
        ? [
            '',
            `${open.length} open ${open.length === 1 ? 'question' : 'questions'}, also in the file:`,
            ...open,
          ]
        : []),
      '',
      'Next: read it, then: relocate init --repository, and: relocate snapshot',
    ].join('\n'),
  );
}

/** What editors need to complete and check the file; without it, it is as good. */
async function writeSchema(folder: string, session: Session): Promise<void> {
  const [{ jsonSchemaText }, { schemaPath }] = await Promise.all([
    import('./schemas.ts'),
    import('../app/propose-text.ts'),
  ]);
  const path = join(folder, schemaPath);
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, await jsonSchemaText());
  } catch (cause) {
    const message = `${path} could not be written (${systemCodeOf(cause) ?? 'unknown reason'}): editors cannot check relocate.yaml by it.`;
    session.emit({ type: 'warning', code: 'schema-not-written', message });
  }
}

async function polynomialOf(session: Session, options: FromOptions): Promise<Polynomial> {
  const from = await openFromRepository(session, options);
  try {
    return from.polynomial;
  } finally {
    await from.close();
  }
}
