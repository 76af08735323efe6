import { basename } from 'node:path';
import type { ComposeFile } from './compose.ts';
import { readDotenv } from './dotenv.ts';
import { type Findings, noFindings, printable, toName } from './findings.ts';
import type { FolderFacts } from './folder-facts.ts';
import type { Problem } from './problems.ts';
import { readProcfile } from './procfile.ts';
import { findInCompose, holdsDatabasesOnly, readUnexpanded, webService } from './propose-compose.ts';
import { findInEnvironment } from './propose-environment.ts';
import { findInDockerfiles, runsInContainer } from './propose-dockerfile.ts';
import { askForUnread, findInFiles } from './propose-files.ts';
import { findInPackages, packageJson } from './propose-packages.ts';
import { type Proposal, writeProposal } from './propose-text.ts';

/**
 * A commented relocate.yaml for a folder, and the questions it leaves open, which are comments in it too. It is valid:
 * what was found but cannot be captured is a question, never an entry, and never dropped. No value of a variable is
 * copied into it.
 */
export function proposeApp(facts: FolderFacts): { yaml: string; questions: string[] } {
  const findings = noFindings();
  const env = readEnv(facts, findings);
  findInEnvironment('.env', env, findings);
  const services = findServices(facts, new Set(Object.keys(env)), findings);
  askForNestedFiles(facts, services.file, findings);
  findInFiles(facts, findings);
  findInDockerfiles(facts, findings);
  findInPackages(facts, findings);
  askForUnread(facts, findings);
  const questions = atMost(maxQuestions, [...new Set(findings.questions.map(printable))]);
  return {
    yaml: writeProposal({ app: appName(facts), ...services, entries: findings.entries, questions }),
    questions,
  };
}

/** A relocate.yaml of more than 1 MiB would be refused when read. */
const maxQuestions = 500;

function atMost(count: number, questions: string[]): string[] {
  const more = questions.length - count;
  return more <= 0
    ? questions
    : [...questions.slice(0, count), `${more} more like these. Is this the folder of one app?`];
}

function appName(facts: FolderFacts): string {
  const named = packageJson(facts.files['package.json'] ?? '')?.name;
  return toName(named?.replace(/^@[^/]*\//, '') ?? '', toName(facts.name, 'app'));
}

/** The names in an example file say what is needed, though nothing is set by it. */
function readEnv({ files }: FolderFacts, findings: Findings): Record<string, string> {
  const problems: Problem[] = [];
  const env = readDotenv(files['.env'] ?? '', () => undefined, problems);
  if (problems.length > 0) findings.questions.push('.env has lines that cannot be read: correct them first.');
  for (const name of ['.env.example', '.env.sample']) {
    const example = readDotenv(files[name] ?? '', () => undefined, []);
    const unset = Object.keys(example).filter(
      (key) => /(URL|URI|DSN|DIR|PATH|BUCKET)$/.test(key) && !(key in env),
    );
    if (unset.length > 0) {
      findings.questions.push(
        `${unset.join(', ')}: named in ${name} and not set in .env. Is it state of the app?`,
      );
    }
  }
  return env;
}

type FoundServices = Pick<Proposal, 'file' | 'web' | 'env'>;

const composeNames = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml'];

function findServices(facts: FolderFacts, known: ReadonlySet<string>, findings: Findings): FoundServices {
  const composeName = composeNames.find((name) => facts.files[name] !== undefined);
  const compose = composeName === undefined ? undefined : readUnexpanded(facts.files[composeName] ?? '');
  if (composeName !== undefined && compose === undefined) {
    findings.questions.push(
      `${composeName} cannot be read as a Compose file: docker compose config says why.`,
    );
  }
  if (composeName !== undefined && compose !== undefined) {
    withoutKnownDatabase(findings, () => findInCompose(composeName, compose, known, findings));
  }
  const procfile = readableProcfile(facts.files['Procfile'], findings);
  if (
    composeName !== undefined &&
    compose !== undefined &&
    (procfile === undefined || !holdsDatabasesOnly(compose))
  ) {
    if (procfile !== undefined) {
      findings.questions.push(`there is a Procfile beside ${composeName}. Which of them runs the app?`);
    }
    return { file: usable(compose) ? composeName : undefined, web: webService(compose), env: known.size > 0 };
  }
  const web = procfile?.find(({ name }) => name === 'web')?.name;
  return { file: procfile === undefined ? undefined : 'Procfile', web, env: known.size > 0 };
}

/** An app's own address of its database is better than one put together from the container's variables. */
function withoutKnownDatabase(findings: Findings, find: () => void): void {
  const before = findings.entries.filter(({ kind }) => kind === 'postgres').length;
  const questions = findings.questions.length;
  find();
  const found = findings.entries.filter(({ kind }) => kind === 'postgres');
  if (before !== 1 || found.length !== 2) return;
  findings.entries = findings.entries.filter((entry) => entry !== found[1]);
  const own = found[0]?.value ?? '';
  const added = findings.questions.splice(questions);
  findings.questions.push(...added.filter((question) => !question.startsWith('the password of service')));
  findings.questions.push(
    `${own} must lead to the database from where relocate runs, not only from inside of Compose.`,
  );
}

function usable(compose: ComposeFile): boolean {
  return compose.services.length > 0;
}

function readableProcfile(text: string | undefined, findings: Findings): { name: string }[] | undefined {
  if (text === undefined) return undefined;
  const problems: Problem[] = [];
  const { services } = readProcfile(text, problems);
  if (problems.length === 0 && services.length > 0) return services;
  findings.questions.push(
    'Procfile has lines that cannot be read, or none: correct it, then add: services: Procfile',
  );
  return undefined;
}

/** A folder of several apps: each needs a file of its own, or to be named. */
function askForNestedFiles(facts: FolderFacts, services: string | undefined, findings: Findings): void {
  const telling = [...composeNames, 'Procfile', '.env'];
  const nested = Object.keys(facts.files).filter(
    (path) => path.includes('/') && telling.includes(basename(path)),
  );
  if (nested.length > 0) {
    findings.questions.push(
      `${nested.join(', ')}: do they belong to this app? Only this folder's own files were read.`,
    );
  }
  if (services !== undefined) return;
  const start = packageJson(facts.files['package.json'] ?? '')?.start;
  if (start !== undefined) {
    findings.questions.push(
      'how is the app started? Write a Procfile (web: npm start), then add: services: Procfile',
    );
  } else if (runsInContainer(facts)) {
    findings.questions.push(
      'how is the app started? There is a Dockerfile: write a compose.yaml that builds it, then add: services: compose.yaml',
    );
  }
}
