import { InvalidArgumentError, Option, type Command } from 'commander';
import { RelocateError } from '../errors.ts';
import type { ForgetGroup } from '../repository/forget.ts';
import type { KeepPolicy } from '../repository/forget-policy.ts';
import type { Repository } from '../repository/repository.ts';
import type { StoredSnapshot } from '../repository/types.ts';
import { findApp } from './context.ts';
import { withOneRepository } from './each-repository.ts';
import type { Globals } from './globals.ts';
import { listOption } from './options.ts';
import { addPruneLimits, limitsOf, type PruneLimits } from './prune.ts';
import { runCommand, type Session } from './session.ts';

const counts = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

type Options = PruneLimits &
  Partial<Record<`keep${Capitalize<(typeof counts)[number]>}`, number>> & {
    keepWithin?: string;
    keepTag?: string[][];
    app?: string;
    host?: string;
    all?: boolean;
    dryRun?: boolean;
    prune?: boolean;
  };

export function forgetCommand(program: Command): void {
  const forget = program
    .command('forget')
    .summary('remove old snapshots by a rule, or by their IDs')
    .description(
      'Removes snapshots of this app that no --keep rule keeps, by restic’s rules, or those that are named. Their data\n' +
        'stays until “relocate prune”, or --prune. Snapshots of other apps and programs are left alone; captures of a\n' +
        'part (snapshot --only) are counted apart, so that they never push out whole ones.',
    )
    .argument('[ids...]', 'snapshots to remove, whatever the rules: beginnings of their IDs');
  for (const count of counts) {
    const what =
      count === 'last' ? 'the last n snapshots' : `the newest of each of the last n ${count} periods`;
    forget.option(`--keep-${count} <n>`, `keep ${what} (or: unlimited)`, countOption);
  }
  forget
    .option(
      '--keep-within <span>',
      'keep all that are younger than this, e.g. 1y5m7d2h, counted from the newest',
    )
    .addOption(
      new Option(
        '--keep-tag <tags>',
        'keep those with all of these tags, comma-separated; may be given again',
      ).argParser<string[][] | undefined>((text, before) => [...(before ?? []), listOption(text)]),
    )
    .option('--app <name>', 'the app whose snapshots to look at (default: that of relocate.yaml)')
    .option('--all', 'look at the snapshots of every app and every program, each app by itself')
    .option('--host <name>', 'only snapshots taken on this host')
    .option('--dry-run', 'say what would be removed, and do nothing')
    .option('--prune', 'then delete the data that nothing needs any more');
  addPruneLimits(forget)
    .addHelpText(
      'after',
      '\nExamples:\n  relocate forget --keep-daily 7 --keep-weekly 5 --keep-monthly 12 --dry-run\n' +
        '  relocate forget --keep-within 14d --keep-tag before-migration --prune\n  relocate forget 4bf5a3c1\n',
    )
    .action((ids: string[], options: Options, command: Command) =>
      run(command.optsWithGlobals<Globals>(), ids, options),
    );
}

function countOption(text: string): number {
  if (text === 'unlimited') return Infinity;
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It takes a number, or “unlimited”.');
  return Number(text);
}

async function run(globals: Globals, ids: readonly string[], options: Options): Promise<void> {
  await runCommand(globals, async (session) => {
    const [{ forgetText }, limits, policy] = await Promise.all([
      import('../report/house.ts'),
      limitsOf(options),
      policyOf(options, ids),
    ]);
    const dryRun = options.dryRun ?? false;
    const result = await withOneRepository(session, (repository) =>
      repository.withLock('exclusive', { signal: session.signal }, async (signal) => {
        const { groups, removed } = policy
          ? await byPolicy(session, repository, policy, options)
          : { groups: [], removed: await byName(repository, ids) };
        const gone = removed.map(({ id }) => id);
        if (!dryRun) await repository.removeSnapshots(gone, { signal });
        if (!options.prune) return { dryRun, groups, removed };
        const without = new Set(gone);
        const pruned = await repository.prune({ ...limits, dryRun, without, emit: session.emit, signal });
        return { dryRun, groups, removed, pruned };
      }),
    );
    session.result(result, forgetText(result));
  });
}

async function byPolicy(
  session: Session,
  repository: Repository,
  policy: KeepPolicy,
  options: Options,
): Promise<{ groups: ForgetGroup[]; removed: StoredSnapshot[] }> {
  const { appOf, planForget } = await import('../repository/forget.ts');
  const app = options.all ? undefined : (options.app ?? (await findApp(session))?.app.name);
  if (app === undefined && !options.all) {
    throw new RelocateError('usage', 'Whose snapshots to look at was not said.', {
      hint: 'Name the app with --app NAME, or look at those of all with --all. Nothing was removed.',
    });
  }
  const snapshots = await repository.snapshots({}, session.emit);
  const groups = planForget(
    snapshots
      .filter((snapshot) => app === undefined || appOf(snapshot) === app)
      .filter(({ hostname }) => options.host === undefined || hostname === options.host),
    policy,
    Date.now(),
  );
  return { groups, removed: groups.flatMap(({ remove }) => remove) };
}

async function byName(repository: Repository, ids: readonly string[]): Promise<StoredSnapshot[]> {
  const found = await Promise.all(ids.map((id) => repository.findSnapshot(id)));
  return [...new Map(found.map((snapshot) => [snapshot.id, snapshot])).values()];
}

/** Undefined where snapshots are named instead. Throws `usage` where neither is said, or both. */
async function policyOf(options: Options, ids: readonly string[]): Promise<KeepPolicy | undefined> {
  const [{ isEmptyPolicy }, { parseSpan }] = await Promise.all([
    import('../repository/forget-policy.ts'),
    import('../repository/moment.ts'),
  ]);
  const { keepLast, keepHourly, keepDaily, keepWeekly, keepMonthly, keepYearly, keepWithin, keepTag } =
    options;
  const within = keepWithin === undefined ? undefined : parseSpan(keepWithin);
  if (keepWithin !== undefined && within === undefined) {
    throw new RelocateError('usage', `“${keepWithin}” is no span of time.`, {
      hint: 'It is written 14d, 2y, 1y5m7d2h: years, months, days, hours.',
    });
  }
  const policy: KeepPolicy = {
    last: keepLast ?? 0,
    hourly: keepHourly ?? 0,
    daily: keepDaily ?? 0,
    weekly: keepWeekly ?? 0,
    monthly: keepMonthly ?? 0,
    yearly: keepYearly ?? 0,
    ...(within ? { within } : {}),
    ...(keepTag ? { tags: keepTag } : {}),
  };
  if (isEmptyPolicy(policy) === ids.length > 0) return ids.length > 0 ? undefined : policy;
  throw new RelocateError(
    'usage',
    ids.length > 0
      ? 'Snapshots were named, and rules given: it can be one of the two.'
      : 'Neither a rule nor a snapshot was given, so nothing was forgotten.',
    { hint: 'For example: relocate forget --keep-daily 7 --keep-weekly 5 --dry-run' },
  );
}
