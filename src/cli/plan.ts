import type { Command } from 'commander';
import { withDeployInputs } from './deployment.ts';
import type { Globals } from './globals.ts';
import { runCommand } from './session.ts';

interface Options {
  to?: string;
  snapshot: string;
}

export function planCommand(program: Command): void {
  program
    .command('plan')
    .summary('what a deploy would do')
    .description('Prints the steps a deploy would take, with sizes and expected times. Nothing happens.')
    .option('--to <targets>', 'where to, e.g. hetzner,local (default: the targets of relocate.yaml)')
    .option('--snapshot <id>', 'which snapshot', 'latest')
    .addHelpText('after', '\nExample:\n  relocate plan --to local\n')
    .action((options: Options, command: Command) => run(command.optsWithGlobals<Globals>(), options));
}

async function run(globals: Globals, options: Options): Promise<void> {
  await runCommand(globals, (session) =>
    withDeployInputs(session, options, async (inputs) => {
      const [{ planDeploy }, { planText }] = await Promise.all([
        import('../relocation/deploy.ts'),
        import('../report/deploy.ts'),
      ]);
      const plans = await Promise.all(inputs.map(planDeploy));
      const [only] = plans;
      const value = plans.length === 1 && only !== undefined ? only : { plans };
      session.result(value, plans.map(planText).join('\n\n'));
    }),
  );
}
