import { basename, resolve } from 'node:path';
import type { App, Services } from './app.ts';
import { type Build, buildApp } from './build.ts';
import type { ParseContext } from './context.ts';
import { crossCheck } from './cross-check.ts';
import { type EnvFiles, readEnvFiles } from './env-files.ts';
import { checkParts } from './explain.ts';
import { invalidFile, type Problem } from './problems.ts';
import { type NoteVariable, parseYaml, placeOf, type PlacedValue, toValue } from './read-yaml.ts';
import { type AppDraft, appSchema } from './schema.ts';
import { readServices } from './services.ts';
import { readTls } from './tls.ts';

/**
 * Reads relocate.yaml and the files it names: env files, Compose file or Procfile. Throws `config-invalid`, which lists
 * all problems of the file with line, column and excerpt, in the file's order; env files are never quoted.
 */
export async function parseApp(given: string, context: ParseContext): Promise<App> {
  const text = given.startsWith('\uFEFF') ? given.slice(1) : given;
  const problems: Problem[] = [];
  const fail = () => invalidFile(basename(context.path), text, problems);

  const document = parseYaml(text, problems);
  if (document === undefined) throw fail();
  const env = await readEnvFiles(document, text, problems, context);
  const variables: App['variables'] = {};
  const placed = toValue(document, document.contents, [], {
    lookup: (name) => context.environment[name] ?? env.values[name],
    note: noteInto(variables, context),
    isVerbatim: isCommandLine,
    text,
    problems,
  });
  const draft = checkParts(appSchema(context.sources, context.targets), placed, problems);
  const services = await findServices(draft, placed, problems, env, context);
  const tls = await readTls(draft.tls, placed, problems, context);
  const report: Build['report'] = (path, message) => {
    const { start, end, broken } = placeOf(placed.places, path);
    if (!broken) problems.push({ message, start, end });
  };
  const keys = new Set(Object.keys(placed.value ?? {}));
  crossCheck(draft, { keys, folder: context.folder, services }, report);
  const app = buildApp(draft, { context, placed, problems, services, tls, env, variables, report });
  if (app === undefined || problems.length > 0) throw fail();
  return app;
}

/**
 * The shell that runs it expands its variables, from the app's environment: a secret would else stand in an argument
 * list, any text in it would be read as shell, and a check in the deployed app would get the old places.
 */
function isCommandLine(path: readonly (string | number)[]): boolean {
  const [part, , kind, name] = path;
  return (part === 'data' && kind === 'hooks') || (part === 'checks' && kind === 'command' && name === 'run');
}

function noteInto(variables: App['variables'], { environment }: ParseContext): NoteVariable {
  return (name, value, byDefault) => {
    const from = byDefault ? 'default' : environment[name] === undefined ? 'file' : 'process';
    variables[name] = { value, from };
  };
}

async function findServices(
  draft: Partial<AppDraft>,
  placed: PlacedValue,
  problems: Problem[],
  env: EnvFiles,
  context: ParseContext,
): Promise<Services | undefined> {
  if (draft.services === undefined) return undefined;
  const { start, end, broken } = placeOf(placed.places, ['services']);
  if (broken) return undefined;
  const path = resolve(context.folder, draft.services);
  const text = await context.readFile(path);
  if (text === undefined) {
    problems.push({ message: `there is no file ${path}`, start, end });
    return undefined;
  }
  const inFile: Problem[] = [];
  const lookup = (name: string) => context.environment[name] ?? env.values[name];
  const services = readServices(path, text, lookup, inFile);
  if (inFile.length > 0) throw invalidFile(basename(path), text, inFile);
  return services;
}
