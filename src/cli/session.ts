import type { Emit } from '../events.ts';
import { exitCodeOf, RelocateError } from '../errors.ts';
import type { Globals } from './globals.ts';

/** What a running command has at hand. */
export interface Session {
  globals: Globals;
  environment: Readonly<Record<string, string | undefined>>;
  emit: Emit;
  /** Aborts at Ctrl-C, SIGTERM. */
  signal: AbortSignal;
  /** The command's outcome: `value` as the one result of `--json`, `text` on stdout otherwise. */
  result(value: object, text: string): void;
}

/** After Ctrl-C, work has this long to let go of things in order. What is killed then is sound too, only less tidy. */
const graceMs = 1_800;

/**
 * Runs one command from signals to exit code. Commands return an exit code where it is not 0, and throw for errors.
 */
export async function runCommand(
  globals: Globals,
  work: (session: Session) => Promise<number | void>,
): Promise<void> {
  const [{ createUi }, { chooseColor, chooseMode }] = await Promise.all([
    import('../ui/ui.ts'),
    import('../ui/mode.ts'),
  ]);
  const mode = chooseMode({
    json: globals.json ?? false,
    quiet: globals.quiet ?? false,
    stderrIsTty: process.stderr.isTTY,
    stderrColumns: process.stderr.columns,
    env: process.env,
  });
  const ui = createUi({
    mode,
    verbose: globals.verbose ?? false,
    color: chooseColor({ noColor: !globals.color, isTty: process.stderr.isTTY, env: process.env }),
    now: Date.now,
    stdout: process.stdout,
    stderr: process.stderr,
  });
  const interrupt = new AbortController();
  const onSignal = () => {
    if (interrupt.signal.aborted) return;
    interrupt.abort(interrupted());
    setTimeout(() => {
      ui.error(interrupted());
      ui.stop();
      // oxlint-disable-next-line no-process-exit -- the work did not stop in time, and the person asked it to.
      process.exit(130);
    }, graceMs).unref();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  // restic's `unlock` sends SIGHUP to the process named in a lock to see whether it is alive; it must not end us.
  process.on('SIGHUP', () => {});
  try {
    const exitCode = await work({
      globals,
      environment: process.env,
      emit: ui.emit,
      signal: interrupt.signal,
      result: (value, text) => {
        ui.result(value);
        ui.stop();
        if (mode !== 'json' && text !== '') process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
      },
    });
    process.exitCode = exitCode ?? 0;
  } catch (error) {
    const said = interrupt.signal.aborted && !(error instanceof RelocateError) ? interrupted() : error;
    ui.error(said);
    process.exitCode = exitCodeOf(said);
  } finally {
    ui.stop();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

function interrupted(): RelocateError {
  return new RelocateError('interrupted', 'Interrupted.', {
    hint: 'The repository is sound and no snapshot was harmed. Run the same command again; an unfinished deploy goes on with --resume.',
  });
}
