import { enableCompileCache } from 'node:module';

/**
 * Where the program starts and where it ends. Commands set `process.exitCode`; nothing else ends the process but the
 * deadline after Ctrl-C (cli/session.ts).
 */
const oldestNodeMajor = 24;

async function main(): Promise<void> {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < oldestNodeMajor) {
    process.stderr.write(
      `relocate needs Node.js ${oldestNodeMajor} or newer; this is ${process.version}. bin/setup can fetch one.\n`,
    );
    process.exitCode = 2;
    return;
  }
  // Compiled code is kept between runs: most of the start-up time is parsing.
  enableCompileCache();
  const [{ buildProgram }, { CommanderError }] = await Promise.all([
    import('./cli/program.ts'),
    import('commander'),
  ]);
  const program = buildProgram();
  for (const command of [program, ...program.commands, ...program.commands.flatMap((one) => one.commands)]) {
    command.exitOverride();
  }
  try {
    await program.parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  }
}

// A reader that closed early (`relocate snapshots | head -1`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

await main();
