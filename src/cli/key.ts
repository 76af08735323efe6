import type { Command } from 'commander';
import type { Repository } from '../repository/repository.ts';
import { withOneRepository } from './each-repository.ts';
import type { Globals } from './globals.ts';
import { fromFile, fromTerminal } from './password.ts';
import { runCommand, type Session } from './session.ts';

interface NewPassword {
  newPasswordFile?: string;
}

export function keyCommand(program: Command): void {
  const key = program
    .command('key')
    .summary('passwords that open the repository')
    .description('A repository can have several passwords; each opens all of it.')
    .addHelpText(
      'after',
      '\nExamples:\n  relocate key list\n  relocate key add --new-password-file second\n  relocate key passwd\n',
    );
  key
    .command('list')
    .description('list the keys; the one in use is marked')
    .addHelpText('after', '\nExample:\n  relocate key list\n')
    .action((_options: object, command: Command) =>
      withKeys(command, async (repository, session) => {
        const { keysTable } = await import('../report/snapshot.ts');
        const keys = await repository.listKeys();
        session.result({ keys }, keysTable(keys));
      }),
    );
  key
    .command('add')
    .description('add a password')
    .option('--new-password-file <file>', 'file that holds it')
    .addHelpText('after', '\nExample:\n  relocate key add --new-password-file second\n')
    .action((options: NewPassword, command: Command) =>
      withKeys(command, async (repository, session) => {
        const id = await repository.addKey(await newPassword(options));
        session.result({ key: id }, `Key ${id.slice(0, 8)} added.`);
      }),
    );
  key
    .command('remove')
    .description('remove a password by its key’s ID; never the one in use')
    .argument('<id>', 'an unambiguous beginning of its ID, as “relocate key list” shows it')
    .addHelpText('after', '\nExample:\n  relocate key remove 4bf5a3c1\n')
    .action((id: string, _options: object, command: Command) =>
      withKeys(command, async (repository, session) => {
        const removed = await repository.removeKey(id);
        session.result({ key: removed }, `Key ${removed.slice(0, 8)} removed.`);
      }),
    );
  key
    .command('passwd')
    .description('change the password in use')
    .option('--new-password-file <file>', 'file that holds the new one')
    .addHelpText('after', '\nExample:\n  relocate key passwd\n')
    .action((options: NewPassword, command: Command) =>
      withKeys(command, async (repository, session) => {
        const id = await repository.changePassword(await newPassword(options));
        session.result(
          { key: id },
          `The password was changed. Key ${id.slice(0, 8)} is new; the old one is gone.`,
        );
      }),
    );
}

async function newPassword(options: NewPassword): Promise<string> {
  if (options.newPasswordFile !== undefined) return fromFile(options.newPasswordFile);
  return fromTerminal('new password', { confirm: true });
}

async function withKeys(
  command: Command,
  work: (repository: Repository, session: Session) => Promise<void>,
): Promise<void> {
  await runCommand(command.optsWithGlobals<Globals>(), (session) =>
    withOneRepository(session, (repository) =>
      repository.withLock('exclusive', { signal: session.signal }, () => work(repository, session)),
    ),
  );
}
