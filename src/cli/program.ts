import { Command } from 'commander';
import { version } from '../version.ts';
import { checkCommand } from './check.ts';
import { completionCommand } from './completion.ts';
import { copyCommand } from './copy.ts';
import { cutoverCommand } from './cutover.ts';
import { deployCommand } from './deploy.ts';
import { destroyCommand } from './destroy.ts';
import { forgetCommand } from './forget.ts';
import { addGlobals } from './globals.ts';
import { initCommand } from './init.ts';
import { keyCommand } from './key.ts';
import { planCommand } from './plan.ts';
import { pruneCommand } from './prune.ts';
import { repairCommand } from './repair.ts';
import { restoreCommand } from './restore.ts';
import { showCommand } from './show.ts';
import { snapshotCommand } from './snapshot.ts';
import { snapshotsCommand } from './snapshots.ts';
import { statusCommand } from './status.ts';
import { unlockCommand } from './unlock.ts';

const firstSteps = `
First steps:
  relocate init                    look at this folder, write relocate.yaml
  relocate init --repository       create the repository it names
  relocate snapshot                capture the app
  relocate restore latest --target DIR
                                   write its files into a folder

Exit codes: 0 done and verified · 1 failed · 2 wrong usage or relocate.yaml · 3 partly done or not verified
            10 no repository · 11 locked · 12 wrong password · 130 interrupted`;

/** The whole command line as data: each command registers itself; nothing heavy is loaded until one runs. */
export function buildProgram(): Command {
  const program = new Command('relocate');
  addGlobals(program)
    .description('Snapshots an app, all of it, and brings it back to life at another provider.')
    .version(version, '--version')
    .showHelpAfterError('(see: relocate --help)')
    .showSuggestionAfterError()
    .enablePositionalOptions(false)
    .addHelpText('after', firstSteps);
  initCommand(program);
  snapshotCommand(program);
  snapshotsCommand(program);
  showCommand(program);
  checkCommand(program);
  copyCommand(program);
  forgetCommand(program);
  pruneCommand(program);
  repairCommand(program);
  restoreCommand(program);
  planCommand(program);
  deployCommand(program);
  cutoverCommand(program);
  statusCommand(program);
  destroyCommand(program);
  unlockCommand(program);
  keyCommand(program);
  completionCommand(program);
  return program;
}
