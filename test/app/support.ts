import * as z from 'zod';
import type { App } from '../../src/app/app.ts';
import { parseApp } from '../../src/app/parse.ts';
import { RelocateError } from '../../src/errors.ts';

/** Schemas of the shapes that real ones have, with more types in them than any real one has now. */
export const sources = {
  postgres: z.strictObject({
    url: z.string().regex(/^postgres(ql)?:\/\//, { error: 'must look like postgres://…' }),
    jobs: z.int().min(1).max(32).default(2),
    verbose: z.boolean().optional(),
  }),
  files: z.union([
    z.string().transform((path) => ({ path, exclude: [] as string[] })),
    z.strictObject({ path: z.string(), exclude: z.array(z.string()).default([]) }),
  ]),
  sqlite: z.string(),
};
export const targets = {
  local: z.strictObject({ portRange: z.strictObject({ from: z.int(), to: z.int() }).optional() }),
  ssh: z.strictObject({ host: z.string(), port: z.int().default(22) }),
};

export interface Given {
  files?: Record<string, string>;
  environment?: Record<string, string>;
}

/** Parses as if the file lay at /srv/app/relocate.yaml, beside `files`. */
export function parse(text: string, given: Given = {}): Promise<App> {
  return parseApp(text, {
    path: '/srv/app/relocate.yaml',
    folder: '/srv/app',
    environment: given.environment ?? {},
    readFile: (path) => Promise.resolve(given.files?.[path.replace(/^\/srv\/app\//, '')]),
    sources,
    targets,
  });
}

/** The error of a text that must be refused: its code is checked, its message is returned. */
export async function refusal(text: string, given: Given = {}): Promise<string> {
  const error: unknown = await parse(text, given).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RelocateError)) throw new Error(`not refused as it should be: ${String(error)}`);
  if (error.code !== 'config-invalid') throw error;
  return error.message;
}

/** `line:column message` of each problem, without excerpts. */
export function problemsOf(message: string, file = 'relocate.yaml'): string[] {
  return message
    .split('\n')
    .filter((line) => line.startsWith(`${file}:`))
    .map((line) => line.slice(file.length + 1).replace(': ', ' '));
}
