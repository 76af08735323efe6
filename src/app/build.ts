import { resolve } from 'node:path';
import type { App, Check, CodeFolder, DataItem, Services, TargetChoice, Tls } from './app.ts';
import { codeExcludes, coveringData, isInside } from './code-folder.ts';
import type { Report } from './cross-check.ts';
import type { EnvFiles } from './env-files.ts';
import { toDns } from './dns.ts';
import { checkValue } from './explain.ts';
import type { ParseContext } from './context.ts';
import type { Problem } from './problems.ts';
import type { PlacedValue } from './read-yaml.ts';
import { repositoryPlaces } from './repositories.ts';
import type { AppDraft } from './schema.ts';

export interface Build {
  context: ParseContext;
  placed: PlacedValue;
  problems: Problem[];
  services: Services | undefined;
  tls: Tls | undefined;
  env: EnvFiles;
  variables: App['variables'];
  report: Report;
}

/** The app, all paths absolute; undefined when it has no name. Problems found on the way are reported. */
export function buildApp(draft: Partial<AppDraft>, build: Build): App | undefined {
  const { context, env } = build;
  const targets = (draft.targets ?? []).map((target, index) => targetChoice(target, index, build));
  if (draft.app === undefined) return undefined;
  const data = Object.entries(draft.data ?? {}).map(([name, entry]) => dataItem(name, entry, context));
  const repositories = repositoryPlaces(draft.repositories, context.folder);
  const code = findCode(draft, { data, repositories }, build);
  checkRoot(build, code, data);
  return {
    name: draft.app,
    folder: context.folder,
    configPath: context.path,
    services: build.services,
    code,
    ...(draft.images === undefined ? {} : { images: draft.images }),
    data,
    repositories,
    copies: withoutUndefined(draft.copies ?? {}),
    targets,
    checks: (draft.checks ?? []).flatMap(toCheck),
    dns: draft.dns && toDns(draft.dns, context.folder),
    ...(build.tls === undefined ? {} : { tls: build.tls }),
    objectives: withoutUndefined({ rtoMs: draft.objectives?.rto, rpoMs: draft.objectives?.rpo }),
    environment: env.values,
    envFiles: env.files,
    variables: build.variables,
  };
}

/** A bare name means the target with nothing but defaults: whether it has them is only told here. */
function targetChoice(
  target: NonNullable<AppDraft['targets']>[number],
  index: number,
  build: Build,
): TargetChoice {
  if (typeof target !== 'string') {
    const [name = '', options] = Object.entries(target).find(([, options]) => options !== undefined) ?? [];
    return { name, options };
  }
  const schema = build.context.targets[target];
  const { places } = build.placed;
  const options =
    schema && checkValue(schema, { value: {}, places }, build.problems, ['targets', index, target]);
  return { name: target, options };
}

function dataItem(
  name: string,
  entry: NonNullable<AppDraft['data']>[string],
  context: ParseContext,
): DataItem {
  const { floor, hooks, ...kinds } = entry;
  const [kind = '', options] =
    Object.entries(kinds).find(
      ([kind, options]) => Object.hasOwn(context.sources, kind) && options !== undefined,
    ) ?? [];
  const item: DataItem = { name, kind, options };
  if (floor !== undefined) item.floor = withoutUndefined({ bytes: floor.size, items: floor.items });
  if (hooks !== undefined) {
    item.hooks = withoutUndefined({
      before: hooks.before,
      after: hooks.after,
      timeoutMs: hooks.timeout,
    });
  }
  return item;
}

function findCode(
  draft: Partial<AppDraft>,
  app: Pick<App, 'data' | 'repositories'>,
  { context, report }: Build,
): CodeFolder | undefined {
  if (draft.code === false || (draft.code === undefined && draft.services === undefined)) return undefined;
  const { path: given = '.', exclude = [] } =
    typeof draft.code === 'object' ? draft.code : { path: draft.code };
  const path = resolve(context.folder, given);
  const covering = coveringData(path, context.folder, app.data);
  if (covering !== undefined && draft.code === undefined) return undefined;
  if (covering !== undefined)
    report(['code'], `the code folder is captured by "data.${covering.name}" already`);
  if (path === resolve('/')) report(['code'], 'a whole file system is no code folder');
  return codeExcludes({ path, exclude }, { folder: context.folder, ...app });
}

/** A deploy has the snapshot and nothing else, so what it needs must be captured. */
function checkRoot({ tls, context, report }: Build, code: CodeFolder | undefined, data: DataItem[]): void {
  const path = tls?.acme.rootPath;
  if (path === undefined) return;
  const isInCode = code !== undefined && isInside(path, code.path);
  if (isInCode || coveringData(path, context.folder, data) !== undefined) return;
  report(['tls', 'acme', 'root'], 'is not captured, and a deploy would miss it: put it into the code folder');
}

function toCheck({ http, tcp, sql, command }: NonNullable<AppDraft['checks']>[number]): Check[] {
  if (http !== undefined)
    return [{ kind: 'http', ...withTimeoutMs(http), path: http.path, status: http.status }];
  if (tcp !== undefined) return [{ kind: 'tcp', ...withTimeoutMs(tcp) }];
  if (sql !== undefined) return [{ kind: 'sql', ...withTimeoutMs(sql), data: sql.data, query: sql.query }];
  return command === undefined ? [] : [{ kind: 'command', ...withTimeoutMs(command), run: command.run }];
}

/** `timeout` is in milliseconds already; the app's own types say so in the name. */
function withTimeoutMs<T extends { timeout?: number | undefined }>(
  options: T,
): Partial<Defined<Omit<T, 'timeout'>>> & { timeoutMs?: number } {
  const { timeout, ...rest } = options;
  return { ...withoutUndefined(rest), ...(timeout === undefined ? {} : { timeoutMs: timeout }) };
}

type Defined<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };

function withoutUndefined<T extends object>(values: T): Partial<Defined<T>> {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing but undefined was left out
  return Object.fromEntries(entries) as Partial<Defined<T>>;
}
