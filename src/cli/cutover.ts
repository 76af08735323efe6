import type { Command } from 'commander';
import type { App, Dns } from '../app/app.ts';
import { RelocateError } from '../errors.ts';
import type { CutoverReport, CutoverSettings } from '../relocation/cutover-work.ts';
import type { Repository } from '../repository/repository.ts';
import { findApp, openRepositoryOf, stateFolderOf } from './context.ts';
import type { Globals } from './globals.ts';
import { readSchemas } from './schemas.ts';
import { runCommand, type Session } from './session.ts';

interface Options {
  to?: string;
  rollback?: boolean;
  prepare?: boolean;
  settle?: boolean;
  dryRun?: boolean;
  yes?: boolean;
  force?: boolean;
  allowGap?: boolean;
  wait: boolean;
}

export function cutoverCommand(program: Command): void {
  program
    .command('cutover')
    .summary('move the traffic to a deployed target, and back')
    .description(
      'Points the app’s names (“dns” in relocate.yaml) at a deployed target whose checks pass, asks the zone’s own\n' +
        'servers and the app by its names, and stays until caches have run out. What was there is written down first:\n' +
        '--rollback puts it back. After an interruption the same command goes on.',
    )
    .option('--to <target>', 'where the names are to lead')
    .option('--rollback', 'put back what the names had before')
    .option('--prepare', 'ahead of time: let answers be kept for a short time only')
    .option('--settle', 'afterwards: let answers be kept as long as before')
    .option('--dry-run', 'check, print what would change, and change nothing')
    .option('--yes', 'do not ask')
    .option('--force', 'also when checks do not pass, or somebody else changed the names')
    .option('--allow-gap', 'also where a name has no answer for a moment')
    .option('--no-wait', 'end when the change is served; caches run out by themselves')
    .addHelpText(
      'after',
      '\nExamples:\n  relocate cutover --prepare\n  relocate cutover --to hetzner --dry-run\n  relocate cutover --to hetzner\n' +
        '  relocate cutover --rollback\n  relocate cutover --settle\n' +
        '\nExit codes: 0 moved and verified · 1 failed, or refused · 3 moved, and not all could be verified\n',
    )
    .action((options: Options, command: Command) => run(command.optsWithGlobals<Globals>(), options));
}

const exitCodes = { passed: 0, failed: 1, unverified: 3 } as const;

async function run(globals: Globals, options: Options): Promise<void> {
  await runCommand(globals, async (session) => {
    const action = actionOf(options);
    try {
      const report = await actions[action](session, options);
      const { cutoverText } = await import('../report/cutover.ts');
      session.result(report, cutoverText(report));
      return exitCodes[report.outcome];
    } catch (error) {
      if (session.signal.aborted && !(error instanceof RelocateError && error.code !== 'interrupted'))
        throw interrupted();
      throw error;
    }
  });
}

type Action = 'cutover' | 'rollback' | 'prepare' | 'settle';

function actionOf({ to, rollback, prepare, settle }: Options): Action {
  const chosen = [
    ...(to === undefined ? [] : ['cutover' as const]),
    ...(rollback ? ['rollback' as const] : []),
    ...(prepare ? ['prepare' as const] : []),
    ...(settle ? ['settle' as const] : []),
  ];
  const [action, second] = chosen;
  if (action !== undefined && second === undefined) return action;
  throw new RelocateError('usage', 'Say one of --to TARGET, --rollback, --prepare, --settle.', {
    hint: 'Nothing was changed.',
  });
}

const actions: Record<Action, (session: Session, options: Options) => Promise<CutoverReport>> = {
  cutover: moveTo,
  async rollback(session, options) {
    const { rollback } = await import('../relocation/cutover-return.ts');
    return rollback(await settingsOf(session, options), session);
  },
  async settle(session, options) {
    const { settleCutover } = await import('../relocation/cutover-ttl.ts');
    return settleCutover(await settingsOf(session, options), session);
  },
  async prepare(session, options) {
    const { prepareCutover } = await import('../relocation/cutover-ttl.ts');
    const app = (await findApp(session))?.app;
    const settings = await settingsOf(session, options, app);
    return prepareCutover({ ...settings, dns: dnsOf(app) }, session);
  },
};

async function moveTo(session: Session, options: Options): Promise<CutoverReport> {
  const { to: target = '' } = options;
  const [{ cutover }, schemas] = await Promise.all([import('../relocation/cutover.ts'), readSchemas()]);
  const found = (await findApp(session))?.app;
  const repository = await tryOpen(session, found);
  try {
    const app = found ?? (await deployedApp(session, repository, target));
    const settings = await settingsOf(session, options, app);
    return await cutover(
      {
        ...settings,
        dns: dnsOf(app),
        checks: app?.checks ?? [],
        services: app?.services?.services.map(({ name }) => name) ?? [],
        rootPem: app?.tls?.acme.rootPem,
        target,
        checkDeployment: async (deployment, signal) => {
          const { checksOf } = await import('../relocation/status.ts');
          return checksOf(deployment, { repository, schemas }, signal);
        },
        confirm: (names) => confirm(names, target, options.yes ?? false),
      },
      session,
    );
  } finally {
    await repository?.close();
  }
}

async function settingsOf(session: Session, options: Options, app?: App): Promise<CutoverSettings> {
  const found = app ?? (await findApp(session))?.app;
  const stateFolder = stateFolderOf(session.globals, found);
  return {
    stateFolder,
    app: found?.name ?? (await movedApp(stateFolder)),
    openZone: async (dns, say, signal) => {
      const { openZone } = await import('../dns/index.ts');
      return openZone(dns, { environment: session.environment, signal, say });
    },
    force: options.force ?? false,
    allowGap: options.allowGap ?? false,
    wait: options.wait,
    dryRun: options.dryRun ?? false,
  };
}

/** Without a relocate.yaml: the one app whose names were moved from here. */
async function movedApp(stateFolder: string): Promise<string> {
  const { appsWithCutovers } = await import('../relocation/cutover-record.ts');
  const [app, second] = await appsWithCutovers(stateFolder);
  if (app !== undefined && second === undefined) return app;
  throw new RelocateError('config-missing', 'There is no relocate.yaml that says which app is meant.', {
    hint: 'Go to its folder, or name it with --config FILE. Nothing was changed.',
  });
}

/** Without a relocate.yaml: the app as it was deployed. */
async function deployedApp(
  session: Session,
  repository: Repository | undefined,
  target: string,
): Promise<App | undefined> {
  const [{ readDeployments }, { readSavedApp }, schemas] = await Promise.all([
    import('../relocation/deployments.ts'),
    import('../relocation/saved-app.ts'),
    readSchemas(),
  ]);
  const deployments = await readDeployments(stateFolderOf(session.globals, undefined), { target });
  const deployment = deployments.findLast(({ unfinished }) => !unfinished);
  if (repository === undefined || deployment === undefined) return undefined;
  const snapshot = await repository.findSnapshot(deployment.plan.snapshot.id);
  return (await readSavedApp(repository, snapshot, schemas)).app;
}

function dnsOf(app: App | undefined): Dns {
  if (app?.dns !== undefined) return app.dns;
  throw new RelocateError('usage', 'No names are known that lead to the app.', {
    hint: 'Say them under “dns” in relocate.yaml: zone, names and provider (docs/DNS.md). Nothing was changed.',
  });
}

/** Out of reach, it leaves the target’s own checks unverified, and then only --force goes on. */
async function tryOpen(session: Session, app: App | undefined): Promise<Repository | undefined> {
  try {
    return await openRepositoryOf(session, app);
  } catch (error) {
    session.signal.throwIfAborted();
    if (!(error instanceof RelocateError) || error.code === 'internal') throw error;
    session.emit({ type: 'warning', code: error.code, message: error.message });
    return undefined;
  }
}

async function confirm(names: CutoverReport['names'], target: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new RelocateError(
      'usage',
      'Without a terminal nobody can be asked whether the names are to move.',
      {
        hint: 'Add --yes. Nothing was changed.',
      },
    );
  }
  const [{ createInterface }, { changesText }] = await Promise.all([
    import('node:readline/promises'),
    import('../report/cutover.ts'),
  ]);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${changesText(names)}\nMove them to ${target}? [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}

function interrupted(): RelocateError {
  return new RelocateError('interrupted', 'Interrupted.', {
    hint: 'What the names had before is written down. The same command goes on where this one stopped; to put back what was there: relocate cutover --rollback',
  });
}
