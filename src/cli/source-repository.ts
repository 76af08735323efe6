import type { Command } from 'commander';
import { RelocateError } from '../errors.ts';
import type { Repository } from '../repository/repository.ts';
import { storageOptionsOf } from './context.ts';
import { givenPassword, readPassword } from './password.ts';
import type { Session } from './session.ts';

/** A second repository on the command line, spelled as restic's `copy` and `init --copy-chunker-params` spell it. */
export interface FromOptions {
  fromRepo?: string;
  fromPasswordFile?: string;
  fromPasswordCommand?: string;
}

export function addFromOptions(command: Command, forWhat: string): Command {
  return command
    .option(
      '--from-repo <url>',
      `repository ${forWhat} (or RELOCATE_FROM_REPOSITORY, RESTIC_FROM_REPOSITORY)`,
    )
    .option('--from-password-file <file>', 'file that holds its password, where that is another one')
    .option('--from-password-command <command>', 'command that prints it');
}

export function fromUrl(session: Session, options: FromOptions): string | undefined {
  const { environment } = session;
  return options.fromRepo ?? environment['RELOCATE_FROM_REPOSITORY'] ?? environment['RESTIC_FROM_REPOSITORY'];
}

/** Its own password where one was given, else that of the repository of `-r`. To be closed by the caller. */
export async function openFromRepository(session: Session, options: FromOptions): Promise<Repository> {
  const url = fromUrl(session, options);
  if (url === undefined) {
    throw new RelocateError('usage', 'Which repository to take them from was not said.', {
      hint: 'Name it, for example: --from-repo file:/mnt/backup/guestbook',
    });
  }
  const { globals, environment } = session;
  const own = await givenPassword(
    { passwordFile: options.fromPasswordFile, passwordCommand: options.fromPasswordCommand },
    environment,
    'FROM_PASSWORD',
  );
  const [{ openStorage }, { openRepository }] = await Promise.all([
    import('../storage/index.ts'),
    import('../repository/index.ts'),
  ]);
  try {
    const storage = await openStorage(url, await storageOptionsOf(session));
    return await openRepository(storage, own ?? (await readPassword(globals, environment)));
  } catch (error) {
    if (!(error instanceof RelocateError) || error.code !== 'wrong-password') throw error;
    throw new RelocateError(
      'wrong-password',
      `The password does not open ${url}, the repository to copy from.`,
      {
        hint: 'Give its own with: --from-password-file FILE',
        cause: error,
      },
    );
  }
}
