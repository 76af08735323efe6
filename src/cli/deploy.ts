import type { Command } from 'commander';
import { withDeployInput } from './deployment.ts';
import type { Globals } from './globals.ts';
import { lowerTtls } from './lower-ttls.ts';
import { runCommand } from './session.ts';

interface Options {
  to: string;
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
        'It needs the repository and its password, nothing else, and never touches the running app.',
    )
    .requiredOption('--to <target>', 'where to, e.g. local')
    .option('--snapshot <id>', 'which snapshot', 'latest')
    .option('--dry-run', 'print the plan and do nothing')
    .option('--resume', 'go on with a deploy that was interrupted')
    .addHelpText(
      'after',
      '\nExamples:\n  relocate deploy --to local\n  relocate -r file:/mnt/usb/backups deploy --to local --dry-run\n  relocate deploy --to local --resume\n',
    )
    .action((options: Options, command: Command) => run(command.optsWithGlobals<Globals>(), options));
}

const exitCodes = { passed: 0, failed: 1, unverified: 3 } as const;

async function run(globals: Globals, options: Options): Promise<void> {
  await runCommand(globals, (session) =>
    withDeployInput(session, options, async (input) => {
      const [{ deploy, planDeploy }, { deployText, planText }, { deployHtml }, layout] = await Promise.all([
        import('../relocation/deploy.ts'),
        import('../report/deploy.ts'),
        import('../report/html/deploy.ts'),
        import('../relocation/layout.ts'),
      ]);
      if (options.dryRun) {
        const plan = await planDeploy(input);
        session.result(plan, planText(plan));
        return 0;
      }
      const [report] = await Promise.all([
        deploy({ ...input, resume: options.resume ?? false, renderHtml: deployHtml }, session),
        lowerTtls(session, options.to),
      ]);
      const folder = layout.stateLayout.deployment(input.stateFolder, report.deployment);
      session.result(report, deployText(report, layout.deploymentLayout.reportHtml(folder)));
      return exitCodes[report.outcome];
    }),
  );
}
