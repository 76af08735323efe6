import type { Command } from 'commander';
import { withDeployInputs } from './deployment.ts';
import type { Globals } from './globals.ts';
import { lowerTtls } from './lower-ttls.ts';
import type { DeployOptions } from '../relocation/deploy.ts';
import type { DeployInput } from '../relocation/prepare.ts';
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
      const [first] = inputs;
      if (first === undefined) return 2;
      if (options.dryRun) return dryRun(session, inputs);
      const all = inputs.map((input) => ({ ...input, resume: options.resume ?? false }));
      const names = inputs.map(({ target }) => target.name).join(',');
      const [exitCode] = await Promise.all([
        inputs.length === 1
          ? deployToOne(session, { ...first, resume: options.resume ?? false })
          : deployToFirstOf(session, all),
        lowerTtls(session, names),
      ]);
      return exitCode;
    }),
  );
}

async function dryRun(session: Session, inputs: readonly DeployInput[]): Promise<number> {
  const [{ planDeploy }, { planText }] = await Promise.all([
    import('../relocation/deploy.ts'),
    import('../report/deploy.ts'),
  ]);
  const plans = await Promise.all(inputs.map(planDeploy));
  const [only] = plans;
  session.result(
    plans.length === 1 && only !== undefined ? only : { plans },
    plans.map(planText).join('\n\n'),
  );
  return 0;
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
