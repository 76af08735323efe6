import type { Command } from 'commander';
import { showPlans, withDeployInputs } from './deployment.ts';
import type { Globals } from './globals.ts';
import { lowerTtls } from './lower-ttls.ts';
import type { DeployOptions } from '../relocation/deploy.ts';
import type { DeployReport } from '../relocation/types.ts';
import { runCommand, type Session } from './session.ts';

interface Options {
  to?: string;
  snapshot: string;
  dryRun?: boolean;
  resume?: boolean;
}

export function deployCommand(program: Command): void {
  program
    .command('deploy')
    .summary('bring the app back to life')
    .description(
      'Provisions the target, restores the data, starts the services and verifies that the app is back.\n' +
        'It needs the repository and its password, nothing else, and never touches the running app.\n' +
        'Of several targets all are asked at once; the first that can take it gets it. One that says no in the middle\n' +
        'is cleaned up, and the next one is tried.',
    )
    .option(
      '--to <targets>',
      'where to; several in the order to try, e.g. hetzner,local (default: the targets of relocate.yaml)',
    )
    .option('--snapshot <id>', 'which snapshot', 'latest')
    .option('--dry-run', 'print the plan and do nothing')
    .option('--resume', 'go on with a deploy that was interrupted')
    .addHelpText(
      'after',
      '\nExamples:\n  relocate deploy --to local\n  relocate deploy --to hetzner,local\n  relocate -r file:/mnt/usb/backups deploy --to local --dry-run\n  relocate deploy --to local --resume\n',
    )
    .action((options: Options, command: Command) => run(command.optsWithGlobals<Globals>(), options));
}

const exitCodes = { passed: 0, failed: 1, unverified: 3 } as const;

async function run(globals: Globals, options: Options): Promise<void> {
  await runCommand(globals, (session) =>
    withDeployInputs(session, options, async (inputs) => {
      if (options.dryRun) return showPlans(session, inputs);
      const all = inputs.map((input) => ({ ...input, resume: options.resume ?? false }));
      const [first, ...others] = all;
      const [exitCode] = await Promise.all([
        first !== undefined && others.length === 0
          ? deployToOne(session, first)
          : deployToFirstOf(session, all),
        lowerTtls(session, all.map(({ target }) => target.name).join(',')),
      ]);
      return exitCode;
    }),
  );
}

async function deployToOne(session: Session, input: DeployOptions): Promise<number> {
  const [{ deploy }, { deployHtml }] = await Promise.all([
    import('../relocation/deploy.ts'),
    import('../report/html/deploy.ts'),
  ]);
  const report = await deploy({ ...input, renderHtml: deployHtml }, session);
  session.result(report, await textOf(report, input));
  return exitCodes[report.outcome];
}

async function deployToFirstOf(session: Session, inputs: readonly DeployOptions[]): Promise<number> {
  const [{ deployToFirst }, { deployHtml }, { attemptsText }] = await Promise.all([
    import('../relocation/fallback.ts'),
    import('../report/html/deploy.ts'),
    import('../report/attempts.ts'),
  ]);
  const { report, attempts } = await deployToFirst(
    inputs.map((input) => ({ ...input, renderHtml: deployHtml })),
    session,
  );
  const [input] = inputs;
  const text = input === undefined ? '' : await textOf(report, input);
  session.result({ ...report, attempts }, `${text}\n\n${attemptsText(attempts)}`);
  const isClean = attempts.every(({ leftBehind }) => leftBehind === undefined);
  return isClean ? exitCodes[report.outcome] : exitCodes.unverified;
}

async function textOf(report: DeployReport, { stateFolder }: DeployOptions): Promise<string> {
  const [{ deployText }, { deploymentLayout, stateLayout }] = await Promise.all([
    import('../report/deploy.ts'),
    import('../relocation/layout.ts'),
  ]);
  const folder = stateLayout.deployment(stateFolder, report.deployment);
  return deployText(report, deploymentLayout.reportHtml(folder));
}
