import type { DataEntryFound } from './findings.ts';
import { printable } from './findings.ts';

export interface Proposal {
  app: string;
  /** Compose file or Procfile; undefined when there is none. */
  file: string | undefined;
  /** The service that most likely answers HTTP. */
  web: string | undefined;
  /** Whether an env file was found. */
  env: boolean;
  entries: readonly DataEntryFound[];
  questions: readonly string[];
}

/** Where `init` puts the JSON Schema, relative to relocate.yaml, which names it in its first line for editors. */
export const schemaPath = '.relocate/relocate.schema.json';

const tableCount =
  "select count(*) from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema')";

export function writeProposal(proposal: Proposal): string {
  const sections = [
    [
      `# yaml-language-server: $schema=${schemaPath}`,
      '# What this app is, where it may go, and what "back" means. Every key: docs/CONFIGURATION.md',
      ...questionLines(proposal),
    ],
    [`app: ${scalar(proposal.app)}`],
    serviceLines(proposal),
    dataLines(proposal),
    [
      '# Where snapshots are kept. On the same disk they are lost with it: better is file:/mnt/other-disk/backups.',
      'repositories:',
      '  - file:./backups',
    ],
    ['# Where the app may go, in the order to try.', 'targets:', '  - local'],
    checkLines(proposal),
    [
      '# Time until it must be back, and how old the newest data may be that comes back.',
      'objectives: { rto: 1h, rpo: 24h }',
    ],
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function questionLines({ questions }: Proposal): string[] {
  return questions.length === 0 ? [] : ['#', ...questions.map((question) => `# OPEN QUESTION: ${question}`)];
}

function serviceLines({ file, env }: Proposal): string[] {
  const lines =
    file === undefined
      ? [
          '# What runs: a Compose file or a Procfile. None was found.',
          '# services: Procfile',
          '# The folder is captured as it is.',
          'code: .',
        ]
      : [
          `services: ${scalar(file)}`,
          '# The code in this folder is captured too, with what was installed or built in it: a deploy builds nothing.',
          'code: { path: ., exclude: [.git] }',
        ];
  return env ? [...lines, '# Read for the variables below; captured with the app.', 'env: .env'] : lines;
}

function dataLines({ entries }: Proposal): string[] {
  if (entries.length === 0) {
    return [
      '# The state of the app. None was found.',
      '# data:',
      '#   db: { postgres: { url: "${DATABASE_URL}" } }',
      '#   uploads: { files: ./uploads }',
      '#   visits: { sqlite: ./visits.sqlite }',
    ];
  }
  const lines = entries.flatMap(({ name, kind, value, reason, hooks }) => {
    const options = kind === 'postgres' ? `{ url: ${quoted(value)} }` : scalar(value);
    const around = Object.entries(hooks ?? {}).map(([when, command]) => `${when}: ${quoted(command)}`);
    const more = around.length === 0 ? '' : `, hooks: { ${around.join(', ')} }`;
    return [`  # ${printable(reason)}`, `  ${scalar(name)}: { ${kind}: ${options}${more} }`];
  });
  return ['# The state of the app, piece by piece.', 'data:', ...lines];
}

function checkLines({ file, web, entries }: Proposal): string[] {
  const http =
    file === undefined || web === undefined
      ? []
      : [`  - http: { path: /, status: 200, service: ${scalar(web)} }`];
  const databases = entries.filter(({ kind }) => kind === 'postgres');
  const sql = databases.map(
    ({ name }) => `  - sql: { data: ${scalar(name)}, query: ${quoted(tableCount)}, atLeast: 1 }`,
  );
  const checks = [...http, ...sql];
  const intro = '# What must hold before a deploy is called done. Guesses: name what matters to your users.';
  return checks.length === 0
    ? [intro, '# checks:', '#   - http: { path: / }']
    : [intro, 'checks:', ...checks];
}

/** Plain where YAML reads it as the same text, else quoted. */
function scalar(text: string): string {
  const isPlain =
    /^(\.{0,2}\/|[A-Za-z])[\w./-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return isPlain ? text : quoted(text);
}

/** JSON is YAML, but for a few characters that only its escapes can bring through. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[\u007F-\u009F\u2028\u2029\uFEFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
