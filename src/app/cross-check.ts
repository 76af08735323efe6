import type { Services } from './app.ts';
import { checkDns } from './dns.ts';
import { unknownWord } from './explain.ts';
import type { Path } from './read-yaml.ts';
import type { AppDraft } from './schema.ts';
import { asPlaces, repositoryUrl } from './repositories.ts';

export type Report = (path: Path, message: string) => void;

/** What no schema can tell: whether the parts of a relocate.yaml fit each other. Parts that are wrong are absent. */
export function crossCheck(
  draft: Partial<AppDraft>,
  given: { keys: ReadonlySet<string>; folder: string; services: Services | undefined },
  report: Report,
): void {
  const captured = ['services', 'code', 'data'].some((key) => given.keys.has(key) && isSaid(draft, key));
  if (given.keys.has('app') && !captured) {
    report(['app'], 'there is nothing to capture: give services, code or data');
  }
  checkRepositories(draft, given.folder, report);
  checkVolumes(draft, given, report);
  if (draft.dns !== undefined) checkDns(draft.dns, report);
  for (const [index, check] of (draft.checks ?? []).entries()) {
    checkService(check, index, given, report);
    if (check.sql !== undefined && draft.data !== undefined) checkSql(check.sql, index, draft.data, report);
    if (check.sql !== undefined && !given.keys.has('data')) checkSql(check.sql, index, {}, report);
    checkTimeout(check, index, draft.objectives?.rto, report);
  }
}

/** A key with a wrong value was meant to say something, so it counts. */
function isSaid(draft: Partial<AppDraft>, key: string): boolean {
  if (key === 'code') return draft.code !== false;
  return key !== 'data' || draft.data === undefined || Object.keys(draft.data).length > 0;
}

function checkRepositories(draft: Partial<AppDraft>, folder: string, report: Report): void {
  const seen = new Set<string>();
  const places = asPlaces(draft.repositories);
  for (const [index, { url: given }] of places.entries()) {
    const path = Array.isArray(draft.repositories) ? ['repositories', index] : ['repositories'];
    if (given.startsWith('file:~')) report(path, '"~" is not expanded here; write "file:${HOME}/…"');
    const url = repositoryUrl(given, folder);
    if (url === undefined) report(path, 'must begin with a scheme; for a folder write "file:" before it');
    else if (seen.has(url)) report(path, 'is here twice: a second copy in the same place is no copy');
    else seen.add(url);
  }
  for (const key of ['min', 'minProviders'] as const) {
    const least = draft.copies?.[key] ?? 0;
    if (least > Math.max(1, places.length))
      report(['copies', key], `asks for ${least}, but ${places.length} repositories are listed`);
  }
}

function checkVolumes(
  draft: Partial<AppDraft>,
  given: Parameters<typeof crossCheck>[1],
  report: Report,
): void {
  // A file of services that is wrong has been reported already.
  const isCompose = given.keys.has('services') && given.services?.kind !== 'procfile';
  for (const [name, entry] of Object.entries(draft.data ?? {})) {
    if (Object.hasOwn(entry, 'volume') && !isCompose)
      report(['data', name, 'volume'], 'only a Compose file has volumes: give it as "services"');
  }
}

type DraftCheck = NonNullable<AppDraft['checks']>[number];

function checkService(
  check: DraftCheck,
  index: number,
  given: Parameters<typeof crossCheck>[1],
  report: Report,
): void {
  const kind = check.http !== undefined ? 'http' : 'tcp';
  const asked = check.http ?? check.tcp;
  if (asked === undefined) return;
  if (!given.keys.has('services')) {
    if (check.http !== undefined)
      report(['checks', index, kind], 'there is nothing to ask: "services" is not given');
    return;
  }
  const names = given.services?.services.map(({ name }) => name) ?? [];
  if (asked.service === undefined || names.length === 0 || names.includes(asked.service)) return;
  report(['checks', index, kind, 'service'], unknownWord('service', asked.service, names));
}

/** Kinds of source that answer SQL. */
const databaseKinds = ['postgres', 'sqlite'];

function checkSql(
  sql: NonNullable<DraftCheck['sql']>,
  index: number,
  data: NonNullable<AppDraft['data']>,
  report: Report,
): void {
  const databases = Object.keys(data).filter((name) =>
    databaseKinds.some((kind) => Object.hasOwn(data[name] ?? {}, kind)),
  );
  if (databases.includes(sql.data)) return;
  const message = Object.hasOwn(data, sql.data)
    ? `"${sql.data}" is no database`
    : databases.length === 0
      ? 'there is no database under "data"'
      : unknownWord('database', sql.data, databases);
  report(['checks', index, 'sql', 'data'], message);
}

function checkTimeout(check: DraftCheck, index: number, rtoMs: number | undefined, report: Report): void {
  for (const [kind, options] of Object.entries(check)) {
    if (rtoMs === undefined || options?.timeout === undefined || options.timeout <= rtoMs) continue;
    report(
      ['checks', index, kind, 'timeout'],
      'waits longer than the time to be back (objectives.rto) allows',
    );
  }
}
