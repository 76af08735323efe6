import type { Command } from 'commander';
import { withDeployInput } from './deployment.ts';
import type { Globals } from './globals.ts';
import { runCommand } from './session.ts';

interface Options {
  to: string;
  snapshot: string;
}

export function planCommand(program: Command): void {
  program
    .command('plan')
    .summary('what a deploy would do')
    .description('Prints the steps a deploy would take, with sizes and expected times. Nothing happens.')
    .requiredOption('--to <target>', 'where to, e.g. local')
    .option('--snapshot <id>', 'which snapshot', 'latest')
    .addHelpText('after', '\nExample:\n  relocate plan --to local\n')
    .action((options: Options, command: Command) => run(command.optsWithGlobals<Globals>(), options));
}

async function run(globals: Globals, options: Options): Promise<void> {
  await runCommand(globals, (session) =>
    withDeployInput(session, options, async (input) => {
      const [{ planDeploy }, { planText }] = await Promise.all([
        import('../relocation/deploy.ts'),
        import('../report/deploy.ts'),
      ]);
      const plan = await planDeploy(input);
      session.result(plan, planText(plan));
    }),
  );
}
