import type { Command } from 'commander';
import type { App } from '../app/app.ts';
import { RelocateError } from '../errors.ts';
import type { StatusResult } from '../relocation/status.ts';
import type { StatusReport } from '../report/status.ts';
import type { Repository } from '../repository/repository.ts';
import { findApp, openRepositoryOf, stateFolderOf } from './context.ts';
import type { Globals } from './globals.ts';
import { readSchemas } from './schemas.ts';
import { runCommand, type Session } from './session.ts';

export function statusCommand(program: Command): void {
  program
    .command('status')
    .summary('how deployments and snapshots are now')
    .description(
      'Shows the deployments with their services, runs their checks now, and holds the age of the newest snapshot\n' +
        'against the RPO. Changes nothing. Without the repository it shows what this machine knows.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  relocate status\n  relocate status --json | tail -1\n' +
        '\nExit codes: 0 all is well · 1 a check fails · 3 something could not be verified, or the RPO is missed\n',
    )
    .action((_options: object, command: Command) => run(command.optsWithGlobals<Globals>()));
}

const exitCodes = { passed: 0, failed: 1, unverified: 3 } as const;

async function run(globals: Globals): Promise<void> {
  await runCommand(globals, async (session) => {
    const app = (await findApp(session))?.app;
    const now = new Date();
    const report = await reportOf(session, app, now);
    const { statusOutcome, statusText } = await import('../report/status.ts');
    const outcome = statusOutcome(report);
    session.result({ outcome, ...report }, statusText(report, now));
    return exitCodes[outcome];
  });
}

async function reportOf(session: Session, app: App | undefined, now: Date): Promise<StatusReport> {
  const known = { app: app?.name, rpoMs: app?.objectives.rpoMs };
  const opened = await tryOpen(session, app);
  if (opened instanceof RelocateError) {
    const { code, message, hint } = opened;
    const result = await look(session, app, undefined, now);
    return { ...known, ...result, repositoryProblem: { code, message, hint } };
  }
  try {
    return { ...known, ...(await look(session, app, opened, now)), repositoryProblem: undefined };
  } finally {
    await opened.close();
  }
}

/** A repository that is out of reach is a finding here, no failure: services run without it. */
async function tryOpen(session: Session, app: App | undefined): Promise<Repository | RelocateError> {
  try {
    return await openRepositoryOf(session, app);
  } catch (error) {
    session.signal.throwIfAborted();
    if (error instanceof RelocateError && error.code !== 'internal') return error;
    throw error;
  }
}

async function look(
  { globals, signal, emit }: Session,
  app: App | undefined,
  repository: Repository | undefined,
  now: Date,
): Promise<StatusResult> {
  const [{ status }, { newestSnapshot }, schemas] = await Promise.all([
    import('../relocation/status.ts'),
    import('../relocation/snapshot.ts'),
    readSchemas(),
  ]);
  const newest = repository && app && (await newestSnapshot(repository, app.name, emit));
  return status(
    {
      stateFolder: stateFolderOf(globals, app),
      repository,
      schemas,
      newest: newest && { id: newest.id, time: newest.time },
      rpoMs: app?.objectives.rpoMs,
      now,
    },
    { signal },
  );
}
