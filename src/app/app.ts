/** The app as `relocate.yaml` describes it: plain data, all variables expanded, all paths absolute. */
export interface App {
  name: string;
  /** Absolute path of the folder that holds relocate.yaml. */
  folder: string;
  /** Absolute path of relocate.yaml itself. */
  configPath: string;
  services: Services | undefined;
  /** The code folder that is captured; undefined for an app that is data alone. */
  code: CodeFolder | undefined;
  /** Whether the images of a Compose app are captured; undefined means yes. */
  images?: boolean;
  data: DataItem[];
  /** Where snapshots are kept, in the order given. */
  repositories: RepositoryPlace[];
  /** The least that a snapshot must be in to count; what is not said is left to the command line. */
  copies: { min?: number; minProviders?: number };
  /** Where it may go, in the order to try. */
  targets: TargetChoice[];
  checks: Check[];
  /** Where the names that lead to the app are looked after; undefined: it has none, or they are changed by hand. */
  dns: Dns | undefined;
  /** Where certificates come from; undefined: from Let's Encrypt, for names alone. */
  tls?: Tls | undefined;
  objectives: { rtoMs?: number; rpoMs?: number };
  /** The app's own environment, read from its env files (not from this process). Holds secrets. */
  environment: Record<string, string>;
  /** The env files that `environment` was read from, absolute, in the order read. */
  envFiles: string[];
  /** Variables that relocate.yaml took from the environment, and where each was found. Holds secrets. */
  variables: Record<string, { value: string; from: 'process' | 'file' | 'default' }>;
}

export interface RepositoryPlace {
  /** Relative `file:` paths are made absolute. */
  url: string;
  /** Absolute; where this one opens by another password than the others. */
  passwordFile?: string;
}

export type Services =
  | { kind: 'procfile'; path: string; services: Service[] }
  | { kind: 'compose'; path: string; services: Service[] };

export interface Service {
  name: string;
  /** The Procfile's command line, run by `sh -c`; empty for a Compose service. */
  command: string;
}

export interface CodeFolder {
  path: string;
  /** Patterns as restic takes them (`--exclude`). */
  excludes: string[];
}

/** One entry of `data:`. `options` has been parsed by the schema of the source of that kind. */
export interface DataItem {
  name: string;
  kind: string;
  options: unknown;
  /** Below this the snapshot fails; the default of each source is "more than nothing". */
  floor?: { bytes?: number; items?: number };
  hooks?: Hooks;
}

/** Command lines run by `sh -c` in the app's folder with the app's environment. */
export interface Hooks {
  before?: string;
  after?: string;
  /** For each command; the default is 60,000. */
  timeoutMs?: number;
}

export interface TargetChoice {
  name: string;
  /** Parsed by the target's own schema. */
  options: unknown;
}

/** Names are whole, lowercase, without the final dot. */
export interface Dns {
  zone: string;
  names: string[];
  /** Time to live while traffic is moved. */
  ttlSeconds: number;
  /** The zone's own servers, as `host` or `host:port`; undefined: as the provider names them. */
  servers?: string[] | undefined;
  provider: DnsProvider;
}

export interface Tls {
  acme: Acme;
}

/** An authority that gives certificates. */
export interface Acme {
  /** URL; undefined: Let's Encrypt's. */
  directory?: string;
  /** Absolute. */
  rootPath?: string;
  /** What `rootPath` holds: certificates as PEM by which the authority is trusted beside those that the system trusts. */
  rootPem?: string;
  email?: string;
  /** Whether it is asked for a certificate of the bare IP address, too. */
  address: boolean;
}

export type DnsProvider =
  | { kind: 'hetzner' }
  | { kind: 'cloudflare' }
  | { kind: 'digitalocean' }
  | { kind: 'route53'; zoneId?: string | undefined }
  | { kind: 'rfc2136'; server?: string | undefined; keyFile?: string | undefined }
  | { kind: 'file'; path: string; edit: boolean; reload?: string | undefined };

export type Check =
  | { kind: 'http'; path: string; status: number; service?: string; contains?: string; timeoutMs?: number }
  | { kind: 'tcp'; port?: number; service?: string; timeoutMs?: number }
  | { kind: 'sql'; data: string; query: string; atLeast?: number; equals?: string; timeoutMs?: number }
  | { kind: 'command'; run: string; timeoutMs?: number };
