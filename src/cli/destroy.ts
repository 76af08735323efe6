import type { Command } from 'commander';
import { RelocateError } from '../errors.ts';
import { findApp, openRepositoryOf, stateFolderOf } from './context.ts';
import type { Globals } from './globals.ts';
import { runCommand } from './session.ts';

interface Options {
  to?: string;
  deployment?: string;
  adopt?: boolean;
  force?: boolean;
}

export function destroyCommand(program: Command): void {
  program
    .command('destroy')
    .summary('remove what deploys made')
    .description(
      'Stops the services of a deployment and removes all it made, also after a crash. Reports are kept.',
    )
    .option('--to <target>', 'every deployment to this target')
    .option('--deployment <name>', 'this deployment alone')
    .option(
      '--adopt',
      'find things at the provider by their labels, where their state is lost or cannot be read',
    )
    .option('--force', 'also one that the app’s names were moved to')
    .addHelpText(
      'after',
      '\nExamples:\n  relocate destroy --to local\n  relocate destroy --deployment guestbook-local-20260131t120000\n  relocate destroy --adopt --to hetzner       # what is there, by its labels; removes nothing\n  relocate destroy --adopt --to hetzner --deployment guestbook-hetzner-20260131t120000\n',
    )
    .action((options: Options, command: Command) =>
      (options.adopt === true ? adopt : run)(command.optsWithGlobals<Globals>(), options),
    );
}

async function run(globals: Globals, options: Options): Promise<void> {
  await runCommand(globals, async (session) => {
    const [{ destroy }, { stateLayout }, { destroyText }, { targetOf }] = await Promise.all([
      import('../relocation/destroy.ts'),
      import('../relocation/layout.ts'),
      import('../report/destroy.ts'),
      import('../../stacks/index.ts'),
    ]);
    const app = (await findApp(session))?.app;
    const which = chosen(options, app?.name);
    const stateFolder = stateFolderOf(globals, app);
    const result = await destroy(
      {
        stateFolder,
        which,
        force: options.force ?? false,
        openRepository: () => openRepositoryOf(session, app),
        targetOf,
        targetOptions: (name) => app?.targets.find((choice) => choice.name === name)?.options,
      },
      session,
    );
    session.result(result, destroyText(result, stateLayout.reports(stateFolder)));
  });
}

function chosen({ to, deployment }: Options, app: string | undefined) {
  if (deployment !== undefined) return { deployment };
  if (to !== undefined) return { target: to, app };
  throw new RelocateError('usage', 'Nothing was named to destroy.', {
    hint: 'Name a target with --to local, or one deployment with --deployment NAME. Nothing was done.',
  });
}

/** Without a deployment's name nothing is removed: what is found by the app's name may be another machine's, and serve. */
async function adopt(globals: Globals, { to, deployment, force = false }: Options): Promise<void> {
  await runCommand(globals, async (session) => {
    const [{ listAdoptable, destroyAdopted }, { adoptableText, adoptedText }, { targetOf }] =
      await Promise.all([
        import('../relocation/adopt.ts'),
        import('../report/destroy.ts'),
        import('../../stacks/index.ts'),
      ]);
    const app = (await findApp(session))?.app;
    if (to === undefined) {
      throw new RelocateError('usage', 'Nothing says where to look.', {
        hint: 'Name a target with --to hetzner. Nothing was done.',
      });
    }
    const target = targetOf(to);
    const options =
      app?.targets.find((choice) => choice.name === to)?.options ?? target.options.safeParse({}).data;
    const place = { target, options, stateFolder: stateFolderOf(globals, app) };
    if (deployment !== undefined) {
      const result = await destroyAdopted({ ...place, deployment, force }, session);
      return session.result(result, adoptedText(result));
    }
    if (app === undefined) {
      throw new RelocateError('usage', 'Nothing says which app to look for.', {
        hint: 'Run it where relocate.yaml is, or name a deployment with --deployment. Nothing was done.',
      });
    }
    const found = await listAdoptable({ ...place, app: app.name }, session);
    session.result(found, adoptableText(found, to));
  });
}
