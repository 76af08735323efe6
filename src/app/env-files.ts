import { basename, join, resolve } from 'node:path';
import { type Document, isMap } from 'yaml';
import { readDotenv } from './dotenv.ts';
import { checkValue } from './explain.ts';
import { invalidFile, type Problem } from './problems.ts';
import type { ParseContext } from './context.ts';
import { type Place, placeOf, toValue } from './read-yaml.ts';
import { appSchema } from './schema.ts';

export interface EnvFiles {
  /** Absolute, in the order read. */
  files: string[];
  /** Holds secrets. */
  values: Record<string, string>;
}

const defaultFile = '.env';

/**
 * Reads the files under `env:`, or `.env` where it is there. The key itself may hold variables of the process only:
 * the others are not known before. Throws `config-invalid` for a file that can't be read as an env file.
 */
export async function readEnvFiles(
  document: Document.Parsed,
  text: string,
  problems: Problem[],
  context: ParseContext,
): Promise<EnvFiles> {
  const node = isMap(document.contents) ? document.contents.get('env', true) : undefined;
  const found: EnvFiles = { files: [], values: {} };
  if (node === undefined) {
    await readOne(join(context.folder, defaultFile), found, context);
    return found;
  }
  const lookup = (name: string) => context.environment[name];
  const placed = toValue(document, node, ['env'], { lookup, text, problems });
  const env = checkValue(appSchema({}, {}).shape.env, placed, problems, ['env']) ?? [];
  for (const [index, name] of (typeof env === 'string' ? [env] : env).entries()) {
    const isThere = await readOne(resolve(context.folder, name), found, context);
    if (isThere) continue;
    const { start, end }: Place = placeOf(placed.places, ['env', index]);
    problems.push({ message: `there is no file ${resolve(context.folder, name)}`, start, end });
  }
  return found;
}

async function readOne(path: string, found: EnvFiles, context: ParseContext): Promise<boolean> {
  const text = await context.readFile(path);
  if (text === undefined) return false;
  const problems: Problem[] = [];
  const outer = (name: string) => context.environment[name] ?? found.values[name];
  const values = readDotenv(text, outer, problems);
  if (problems.length > 0) throw invalidFile(basename(path), text, problems, { quote: false });
  found.files.push(path);
  Object.assign(found.values, values);
  return true;
}
