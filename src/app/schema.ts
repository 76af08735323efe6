import { z, type ZodType } from 'zod';
import { dnsItem } from './dns.ts';
import { exactlyOne, type Schemas } from './exactly-one.ts';
import { unknownWord } from './explain.ts';
import { tlsItem } from './tls.ts';
import { durationPattern, parseDurationMs, parseSizeBytes, sizePattern } from './units.ts';

export type { Schemas } from './exactly-one.ts';

const durationHelp = 'a duration such as "90s", "15m", "1h30m" or "2d"';
const duration = z
  .string({ error: `must be ${durationHelp}` })
  .regex(durationPattern, { error: `must be ${durationHelp}` })
  .transform((text) => parseDurationMs(text) ?? 0);

const sizeHelp = 'a size such as "512KiB", "10MiB" or "1GB"';
const size = z
  .string({ error: `must be ${sizeHelp}` })
  .regex(sizePattern, { error: `must be ${sizeHelp}` })
  .transform((text) => parseSizeBytes(text) ?? 0);

const yearMs = 365 * 86_400_000;
const objective = duration.refine((ms) => ms >= 1_000 && ms <= yearMs, {
  error: 'no objective that could be met or missed: write something between "1s" and "365d"',
});
const timeout = duration.refine((ms) => ms >= 100 && ms <= 86_400_000, {
  error: 'must be between "100ms" and "1d"',
});

const path = z
  .string()
  .min(1, { error: 'must name a file or folder' })
  .max(4096)
  // oxlint-disable-next-line no-control-regex -- no file that a person means has them, and NUL ends a name
  .regex(/^[^\0-\x1f]*$/, { error: 'must hold no control characters' })
  .regex(/^(?!~)/, { error: '"~" is not expanded here; write "${HOME}/…"' });

const line = z.string().min(1, { error: 'must not be empty' }).max(65_536);
const port = z.int().min(1).max(65_535);

const least = z.int().min(1).max(100);

const repository = z.strictObject({
  url: line.describe('The place, e.g. s3:https://s3.example.com/bucket.'),
  passwordFile: path.optional().describe('File that holds its password, where that is another one.'),
});

export const namePattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const dataNamePattern = /^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$/;

const appName = z
  .string()
  .regex(namePattern, {
    error: 'must be a name of lowercase letters, digits and dashes, as in a host name (at most 63)',
  })
  .describe('Name of the app; its snapshots are tagged with it. Lowercase letters, digits and dashes.');

/** What `relocate.yaml` may hold. Paths, durations and sizes are checked; what they refer to is not. */
export function appSchema(sources: Schemas, targets: Schemas) {
  return z
    .strictObject({
      app: appName,
      services: path.optional().describe('The Compose file or Procfile that says what runs.'),
      code: z
        .union([
          path,
          z.literal(false, { error: 'must be a path, or false for none' }),
          z.strictObject({
            path: path.describe('The folder.'),
            exclude: z.array(line).optional().describe('Patterns to leave out, as restic takes them.'),
          }),
        ])
        .optional()
        .describe('The code folder to capture. Default: the folder of this file when there are services.'),
      images: z
        .boolean()
        .optional()
        .describe('Capture the images of a Compose app, so that no registry is needed. Default: true.'),
      env: z
        .union([path, z.array(path)])
        .optional()
        .describe('Env files of the app, later ones win. Default: .env beside this file, when it is there.'),
      data: z
        .record(
          z.string().regex(dataNamePattern, {
            error: 'a name under data must be of lowercase letters, digits, "-" and "_" (at most 63)',
          }),
          dataItem(sources),
        )
        .optional()
        .describe('Each piece of state: a name of your choice, then what kind of source it is.'),
      repositories: z
        .union([line, z.array(z.union([line, repository]))])
        .optional()
        .describe('Where snapshots are kept, e.g. file:./backups. Several get the same snapshots.'),
      copies: z
        .strictObject({
          min: least.optional().describe('So many repositories must have a snapshot for it to count.'),
          minProviders: least.optional().describe('At so many different providers it must lie.'),
        })
        .optional()
        .describe('The least that a snapshot must be in. With less, “relocate snapshot” fails.'),
      targets: z
        .array(z.union([targetName(targets), exactlyOne('target', targets, {})]))
        .optional()
        .describe('Where the app may go, in the order to try: a name, or a name and its options.'),
      checks: z
        .array(exactlyOne('check', checks, {}))
        .optional()
        .describe('What must hold before a deploy is called done.'),
      dns: dnsItem({ path, line, duration })
        .optional()
        .describe('The names that lead to the app, and who looks after them; “relocate cutover” moves them.'),
      tls: tlsItem({ path })
        .optional()
        .describe('Where certificates come from, on machines that a deploy makes. Default: Let’s Encrypt.'),
      objectives: z
        .strictObject({
          rto: objective.optional().describe('Time until the service must be back, e.g. 1h.'),
          rpo: objective.optional().describe('How old the newest data that comes back may be, e.g. 24h.'),
        })
        .optional()
        .describe('What is promised; reports compare it with what was measured.'),
    })
    .meta({
      title: 'relocate.yaml',
      description: 'An app, its state, where it may go, and what "back" means.',
    });
}

/** A relocate.yaml as the schema gives it: durations in milliseconds, sizes in bytes, paths as written. */
export type AppDraft = z.output<ReturnType<typeof appSchema>>;

function targetName(targets: Schemas) {
  const names = Object.keys(targets);
  return z
    .string()
    .refine((name) => names.includes(name), {
      error: ({ input }) => unknownWord('target', String(input), names),
    })
    .meta({ enum: names, description: 'A target whose options all have defaults.' });
}

/** An entry of `data`: its kind of source is the one other key. */
export interface DataEntry {
  floor?: { size?: number | undefined; items?: number | undefined } | undefined;
  hooks?:
    { before?: string | undefined; after?: string | undefined; timeout?: number | undefined } | undefined;
  [kind: string]: unknown;
}

function dataItem(sources: Schemas): ZodType<DataEntry> {
  return exactlyOne('source', sources, {
    floor: z
      .strictObject({
        size: size.optional().describe('Fewer bytes than this fail the snapshot.'),
        items: z.int().min(0).optional().describe('Fewer rows or files than this fail the snapshot.'),
      })
      .optional()
      .describe('The least that must be captured for a snapshot to count. Default: more than nothing.'),
    hooks: z
      .strictObject({
        before: line.optional().describe('Command line run before capture, in the folder of this file.'),
        after: line.optional().describe('Command line run after capture, also when that failed.'),
        timeout: timeout.optional().describe('For each command. Default: 60s.'),
      })
      .optional()
      .describe('Commands around the capture, e.g. to make a service hold still.'),
  });
}

const service = line.optional().describe('The service to ask. Default: the one that serves the app.');
const checkTimeout = timeout.optional().describe('How long to wait for it. Default: 30s.');

const checks = {
  http: z
    .strictObject({
      path: z.string().regex(/^\/[^\s]*$/, { error: 'must be a path that begins with "/"' }),
      status: z.int().min(100).max(599).default(200).describe('The status that is right. Default: 200.'),
      service,
      contains: line.optional().describe('Text that the answer must hold.'),
      timeout: checkTimeout,
    })
    .describe('An HTTP request that must be answered.'),
  tcp: z
    .strictObject({ port: port.optional(), service, timeout: checkTimeout })
    .describe('A port that must accept connections.'),
  sql: z
    .strictObject({
      data: line.describe('The entry of data that holds the database.'),
      query: line.describe('A query that gives one value.'),
      atLeast: z.number().optional().describe('The value must be this or more.'),
      equals: z.string().optional().describe('The value must be this, as text.'),
      timeout: checkTimeout,
    })
    .describe('A query on a restored database.'),
  command: z
    .strictObject({
      run: line.describe('Command line; it must end with exit code 0.'),
      timeout: checkTimeout,
    })
    .describe('A command run in the deployed app, with its environment.'),
};

/** JSON Schema (draft 2020-12) of relocate.yaml as it is written, for editors: a variable may stand for any scalar. */
export function appJsonSchema(sources: Schemas, targets: Schemas): Record<string, unknown> {
  return z.toJSONSchema(appSchema(sources, targets), {
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema, path }) => {
      // zod's word for values that are frozen after reading; to editors it says "not to be written".
      delete jsonSchema.readOnly;
      const isKey = path.includes('propertyNames');
      if (!isKey && isNarrowScalar(jsonSchema)) allowVariable(jsonSchema);
    },
  });
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Texts without a form of their own take a variable as they are. */
function isNarrowScalar({ type, pattern, format }: JsonSchema): boolean {
  if (type === 'string') return pattern !== undefined || format !== undefined;
  return type === 'number' || type === 'integer' || type === 'boolean';
}

function allowVariable(jsonSchema: JsonSchema): void {
  const { description, default: preset, ...rest } = jsonSchema;
  for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key);
  Object.assign(jsonSchema, {
    description,
    default: preset,
    anyOf: [rest, { type: 'string', pattern: '\\$' }],
  });
}
