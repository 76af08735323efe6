import { dirname } from 'node:path';
import * as z from 'zod';
import { RelocateError, type ErrorCode } from '../errors.ts';
import { runLocally } from '../hosts/local.ts';

/** What is asked of Docker here. It finds its engine as it always does: DOCKER_HOST, its contexts, the usual socket. */

/** An image that a service of a Compose file runs. */
export interface ServiceImage {
  service: string;
  /** As the engine knows it: `postgres:17`, or for a service that is built `guestbook-web`. */
  reference: string;
  isBuilt: boolean;
}

/** What an engine says of an image. */
export interface EngineImage {
  /** `sha256:…`: the digest of its configuration, or of its manifest where the engine keeps images in containerd. */
  id: string;
  repoDigests: string[];
  architecture: string;
  os: string;
  variant: string | undefined;
  /** `sha256:…` of each layer's unpacked content, lowest first. */
  layers: string[];
}

export interface EngineRun {
  cwd?: string;
  /** May hold secrets. */
  environment?: Readonly<Record<string, string>>;
  input?: AsyncIterable<Uint8Array>;
  /** What a refusal is called. */
  failure: ErrorCode;
  hint: string;
  signal: AbortSignal;
}

/** Runs docker to its end and gives what it wrote. Throws `tool-missing`, and `failure` with its last words. */
export async function runDocker(
  args: readonly string[],
  { failure, hint, ...run }: EngineRun,
): Promise<string> {
  const { exitCode, stdout, stderr } = await runLocally(['docker', ...args], run);
  if (exitCode === 0) return stdout;
  if (exitCode === 127) {
    throw new RelocateError(
      'tool-missing',
      'The app is a Compose file, and there is no docker to ask for its images.',
      {
        hint,
      },
    );
  }
  throw new RelocateError(failure, `docker ${args.slice(0, 2).join(' ')} failed: ${lastWords(stderr)}`, {
    facts: { exitCode },
    hint,
  });
}

export const lastWords = (text: string): string => text.trim().split('\n').slice(-3).join(' ').slice(-500);

const configSchema = z.object({
  name: z.string(),
  services: z.record(z.string(), z.object({ image: z.string().optional(), build: z.unknown().optional() })),
});

/** The images of the services that a Compose file starts. Its configuration holds secrets; nothing else of it is kept. */
export async function composeImages(
  file: string,
  run: Omit<EngineRun, 'cwd' | 'input'>,
): Promise<ServiceImage[]> {
  const args = ['compose', '--file', file, 'config', '--format', 'json'];
  const text = await runDocker(args, { ...run, cwd: dirname(file) });
  const { name, services } = configSchema.parse(JSON.parse(text));
  return Object.entries(services).map(([service, { image, build }]) => ({
    service,
    reference: image ?? `${name}-${service}`,
    isBuilt: build !== undefined,
  }));
}

const inspectSchema = z
  .array(
    z.object({
      Id: z.string(),
      RepoDigests: z.array(z.string()).nullish(),
      Architecture: z.string(),
      Os: z.string(),
      Variant: z.string().optional(),
      RootFS: z.object({ Layers: z.array(z.string()).nullish() }),
    }),
  )
  .length(1);

/** Undefined where the engine has no such image. */
export async function inspectImage(
  reference: string,
  run: Omit<EngineRun, 'cwd' | 'input'>,
): Promise<EngineImage | undefined> {
  let text: string;
  try {
    text = await runDocker(['image', 'inspect', reference], run);
  } catch (error) {
    if (error instanceof RelocateError && /no such image/i.test(error.message)) return undefined;
    throw error;
  }
  const [image] = inspectSchema.parse(JSON.parse(text));
  return (
    image && {
      id: image.Id,
      repoDigests: image.RepoDigests ?? [],
      architecture: image.Architecture,
      os: image.Os,
      variant: image.Variant === '' ? undefined : image.Variant,
      layers: image.RootFS.Layers ?? [],
    }
  );
}

/** Version of the engine that answers. */
export async function engineVersion(run: Omit<EngineRun, 'cwd' | 'input'>): Promise<string> {
  return (await runDocker(['version', '--format', '{{.Server.Version}}'], run)).trim();
}
