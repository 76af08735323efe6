import type { Command } from 'commander';
import { showPlans, withDeployInputs } from './deployment.ts';
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
    withDeployInputs(session, options, (inputs) => showPlans(session, inputs)),
  );
}
