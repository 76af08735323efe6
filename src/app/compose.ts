import { type Document, isMap, isScalar, parseDocument } from 'yaml';
import { expand, type Lookup } from './expand.ts';
import { type Problem } from './problems.ts';
import { refuseText } from './read-yaml.ts';

/** What relocate needs to know of a Compose file; running it is Docker Compose's own business. */
export interface ComposeFile {
  services: ComposeService[];
  /** Named volumes at the top level. */
  volumes: string[];
  /** Parts that say more than was read here: other files it includes or extends. */
  unread: string[];
}

export interface ComposeService {
  name: string;
  image: string | undefined;
  command: string | undefined;
  mounts: ComposeMount[];
  /** As written: `8080:80`, `127.0.0.1:5432:5432/tcp`, variables expanded. */
  ports: string[];
  /** Undefined: passed through from the environment of Compose. Holds secrets. */
  environment: Record<string, string | undefined>;
  envFiles: string[];
  dependsOn: string[];
}

export interface ComposeMount {
  kind: 'volume' | 'bind' | 'tmpfs' | 'anonymous';
  /** The volume's name or the path on the host; empty for the other kinds. */
  source: string;
  target: string;
  readOnly: boolean;
}

/**
 * Reads the Compose Specification (https://github.com/compose-spec/compose-spec/blob/main/spec.md) as far as `init` and
 * `plan` need it. Variables are expanded leniently: what nobody sets is left as it is written. What is wrong is added
 * to `problems`; undefined when nothing can be told.
 */
export function readCompose(text: string, lookup: Lookup, problems: Problem[]): ComposeFile | undefined {
  if (refuseText(text, problems)) return undefined;
  const document = parseDocument(text, {
    merge: true,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'silent',
  });
  for (const { message, pos } of document.errors.slice(0, 5)) {
    problems.push({ message: `no valid YAML: ${message}`, start: pos[0], end: pos[1] });
  }
  const root = document.errors.length === 0 ? plainValue(document, problems) : undefined;
  if (root === undefined) return undefined;
  const services = asMap(root['services']);
  if (Object.keys(services).length === 0 && root['include'] === undefined) {
    problems.push({ message: 'a Compose file must have services', start: 0, end: 1 });
    return undefined;
  }
  const read = Object.entries(services).map(([name, service]) => readService(name, asMap(service), lookup));
  return {
    services: read,
    volumes: Object.keys(asMap(root['volumes'])),
    unread: findUnread(root, services, lookup),
  };
}

/** The services' names in order, without looking at what they are. */
export function isComposeText(text: string): boolean {
  const problems: Problem[] = [];
  if (refuseText(text, problems)) return false;
  const { contents } = parseDocument(text, { uniqueKeys: false, logLevel: 'silent' });
  return isMap(contents) && contents.items.some(({ key }) => isScalar(key) && key.value === 'services');
}

function plainValue(document: Document.Parsed, problems: Problem[]): Record<string, unknown> | undefined {
  try {
    return asMap(document.toJS({ maxAliasCount: 100 }));
  } catch (error) {
    // The yaml library says so of too many aliases, and of aliases to nowhere.
    if (!(error instanceof ReferenceError)) throw error;
    problems.push({ message: `no valid YAML: ${error.message}`, start: 0, end: 1 });
    return undefined;
  }
}

function readService(name: string, service: Record<string, unknown>, lookup: Lookup): ComposeService {
  const text = (value: unknown) => asText(value, lookup);
  return {
    name,
    image: service['image'] === undefined ? undefined : text(service['image']),
    command: service['command'] === undefined ? undefined : asList(service['command']).map(text).join(' '),
    mounts: asList(service['volumes']).map((mount) => readMount(mount, lookup)),
    ports: asList(service['ports']).map((port) => readPort(port, lookup)),
    environment: readEnvironment(service['environment'], lookup),
    envFiles: asList(service['env_file']).map((file) => text(isPlainMap(file) ? file['path'] : file)),
    dependsOn: isPlainMap(service['depends_on'])
      ? Object.keys(service['depends_on'])
      : asList(service['depends_on']).map(text),
  };
}

function readMount(mount: unknown, lookup: Lookup): ComposeMount {
  if (isPlainMap(mount)) {
    const type = asText(mount['type'], lookup);
    const source = asText(mount['source'] ?? mount['src'] ?? '', lookup);
    const target = asText(mount['target'] ?? mount['dst'] ?? mount['destination'] ?? '', lookup);
    const readOnly = mount['read_only'] === true;
    if (type === 'bind') return { kind: 'bind', source, target, readOnly };
    if (type !== 'volume') return { kind: 'tmpfs', source: '', target, readOnly };
    return { kind: source === '' ? 'anonymous' : 'volume', source, target, readOnly };
  }
  const [first = '', second, mode = ''] = splitOutsideBraces(asText(mount, lookup));
  if (second === undefined) return { kind: 'anonymous', source: '', target: first, readOnly: false };
  const kind = /^[./~$]/.test(first) ? 'bind' : 'volume';
  return { kind, source: first, target: second, readOnly: mode.split(',').includes('ro') };
}

/** Two paths as long as Linux has them. */
const maxMountLength = 8_192;

/** The short form's parts; a variable that could not be expanded may hold colons of its own. */
function splitOutsideBraces(text: string): string[] {
  return (text.slice(0, maxMountLength).match(/(?:\$\{[^}]*\}|[^:])+/g) ?? []).slice(0, 3);
}

function readPort(port: unknown, lookup: Lookup): string {
  if (!isPlainMap(port)) return asText(port, lookup);
  const published = asText(port['published'] ?? '', lookup);
  const target = asText(port['target'] ?? '', lookup);
  return published === '' ? target : `${published}:${target}`;
}

function readEnvironment(value: unknown, lookup: Lookup): Record<string, string | undefined> {
  const entries: [string, string | undefined][] = isPlainMap(value)
    ? Object.entries(value).map(([name, item]) => [name, item === null ? undefined : asText(item, lookup)])
    : asList(value).map((item) => {
        const [, name = '', given] = /^([^=]*)(?:=([^]*))?$/.exec(asText(item, lookup)) ?? [];
        return [name, given];
      });
  return Object.fromEntries(entries);
}

function findUnread(
  root: Record<string, unknown>,
  services: Record<string, unknown>,
  lookup: Lookup,
): string[] {
  const includes = asList(root['include']).flatMap((include) => {
    const paths = isPlainMap(include) ? asList(include['path']) : [include];
    return paths.map((path) => `include: ${asText(path, lookup)}`);
  });
  const extended = Object.entries(services).flatMap(([name, service]) => {
    const base = asMap(service)['extends'];
    if (base === undefined) return [];
    const file = isPlainMap(base) ? base['file'] : undefined;
    return file === undefined ? [] : [`service ${name} extends a service of ${asText(file, lookup)}`];
  });
  return [...includes, ...extended];
}

function asText(value: unknown, lookup: Lookup): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string' || !value.includes('$')) return typeof value === 'string' ? value : '';
  const { text, problems } = expand(value, lookup);
  return problems.length === 0 ? text : value;
}

function asList(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return value === undefined || value === null ? [] : [value];
}

function asMap(value: unknown): Record<string, unknown> {
  return isPlainMap(value) ? value : {};
}

function isPlainMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
