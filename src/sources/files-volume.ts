import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { RelocateError } from '../errors.ts';
import { runLocally } from '../hosts/local.ts';
import { files } from './files.ts';
import type { Source, SourceContext } from './source.ts';

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/, { error: 'must be the name of a volume of the Compose file' })
  .describe('The volume, as the Compose file names it under volumes.');
const options = z.union([
  name,
  z.strictObject({
    name,
    exclude: z.array(z.string().min(1)).default([]).describe('Patterns to leave out, as for files.'),
  }),
]);

type VolumeOptions = z.infer<typeof options>;

/**
 * What is in a named volume of a Compose app: the folder that Docker's engine on this machine keeps it in, captured as
 * `files` are, byte for byte as it lies there. A service that writes meanwhile is quieted by hooks. It comes back as a
 * folder of the deployment, which the volume of that name is then bound to (hosts/compose-override.ts): so it lies where
 * the deployment's data lies, and can be compared before any container sees it.
 */
export const volume: Source<VolumeOptions> = {
  kind: 'volume',
  summary: 'A named volume of a Compose app: modes, owners, times, links, everything.',
  options,

  async prepare(options, context) {
    const wanted = typeof options === 'string' ? { name: options, exclude: [] } : options;
    const path = await folderOf(await nameOf(wanted.name, context), context);
    return files.prepare(files.options.parse({ path, exclude: wanted.exclude }), context);
  },

  restore: (saved, destination, context) => files.restore(saved, destination, context),
  fingerprint: (saved, destination, context) => files.fingerprint(saved, destination, context),

  byHand: ({ path }) => [
    `cp -a .${path}/. "$(docker volume inspect --format '{{.Mountpoint}}' PROJECT_VOLUME)"    # as root; after: docker compose create`,
  ],
};

const configSchema = z.object({
  volumes: z.record(z.string(), z.object({ name: z.string() })).nullish(),
});

/** The engine's name of a Compose file's volume; without a Compose file, the name is the engine's own. */
async function nameOf(name: string, context: SourceContext): Promise<string> {
  const { composeFile: file } = context;
  if (file === undefined) return name;
  const args = ['compose', '--file', file, 'config', '--format', 'json'];
  // The rest of it may hold secrets.
  const { volumes } = configSchema.parse(JSON.parse(await ask(args, context, dirname(file))));
  const found = volumes?.[name];
  if (found !== undefined) return found.name;
  const known = Object.keys(volumes ?? {});
  throw refusal(`The Compose file has no volume “${name}” that a service uses.`, {
    facts: { volume: name, file },
    hint: known.length === 0 ? 'It has no volumes.' : `It has: ${known.join(', ')}.`,
  });
}

async function folderOf(name: string, context: SourceContext): Promise<string> {
  const path = (await ask(['volume', 'inspect', '--format', '{{.Mountpoint}}', name], context)).trim();
  try {
    await access(path, constants.R_OK | constants.X_OK);
    return path;
  } catch (error) {
    throw refusal(`The folder of the volume ${name} cannot be read.`, {
      facts: { volume: name, path },
      hint: 'Docker lets only root read it: run relocate as root, on the machine that the engine runs on.',
      cause: error,
    });
  }
}

async function ask(args: readonly string[], context: SourceContext, cwd?: string): Promise<string> {
  const { environment, signal } = context;
  const run = { environment, signal, ...(cwd === undefined ? {} : { cwd }) };
  const { exitCode, stdout, stderr } = await runLocally(['docker', ...args], run);
  if (exitCode === 0) return stdout;
  if (exitCode === 127) {
    throw new RelocateError('tool-missing', 'There is no docker to ask for the volume of the app.', {
      hint: 'No snapshot was made; earlier ones are untouched. Install Docker, or leave the volume out.',
    });
  }
  const reason = stderr.trim().split('\n').slice(-3).join(' ').slice(-500);
  throw refusal(`docker ${args[0]} failed: ${reason}`, {
    facts: { exitCode },
    hint: 'Docker makes a volume when its service is first started: docker compose up.',
  });
}

function refusal(
  message: string,
  { hint, ...more }: { facts: Record<string, string | number>; hint: string; cause?: unknown },
): RelocateError {
  const safe = 'No snapshot was made; earlier ones are untouched.';
  return new RelocateError('source-failed', message, { ...more, hint: `${hint} ${safe}` });
}
