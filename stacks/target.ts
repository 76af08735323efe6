import type { ZodType } from 'zod';
import type { HostOutput } from '../src/hosts/host.ts';

/**
 * A place that an app can be deployed to, as a Pulumi stack that ends in hosts. One file a target, one line in
 * index.ts, one test that calls the contract suite. The stages know nothing of a target but this.
 */
export interface Target<Options = unknown> {
  /** The key in relocate.yaml and the word after `--to`. */
  readonly name: string;
  readonly summary: string;
  readonly options: ZodType<Options>;

  /**
   * Provider plugins of the project's own, by package name: each a program file (.ts or .js) that Node runs. Providers
   * with a published plugin need no entry.
   */
  readonly plugins?: Readonly<Record<string, URL>>;

  /** The folder on the host that the options ask for; it becomes `request.folder`. Undefined: the caller decides. */
  folderFor?(options: Options, deployment: string): string | undefined;

  /** Asks whether a deploy could work now. No side effects. */
  preflight(options: Options, request: DeployRequest): Promise<Finding[]>;

  /**
   * The inline Pulumi Automation API program. It returns outputs of the shape `StackOutputs`. Loads its SDK when called.
   * Running it again for the same request changes nothing.
   */
  program(options: Options, request: DeployRequest): Promise<() => Promise<Record<string, unknown>>>;

  /**
   * Removes what belongs to the deployment at the provider though the stack's state does not know it: a `kill -9`
   * between "made" and "written down" leaves such things. Found by the deployment's name, never by guess. Idempotent.
   */
  sweep(options: Options, request: DeployRequest): Promise<void>;
}

/** What the app needs of a place. Plain data. */
export interface DeployRequest {
  app: string;
  /** Unique on this machine, fit for names: lowercase letters, digits, dashes. */
  deployment: string;
  /** Absolute folder that belongs to this deployment alone. */
  folder: string;
  services: { kind: 'procfile' | 'compose'; names: string[] } | undefined;
  /** Databases that must be served there. */
  databases: { name: string; kind: string; majorVersion: number; sizeBytes: number }[];
  /** All data to be restored. */
  sizeBytes: number;
}

export interface Finding {
  level: 'ok' | 'warning' | 'refused';
  /** Stable, e.g. `disk-room`. */
  code: string;
  message: string;
  hint?: string;
}

export interface StackOutputs {
  hosts: HostOutput[];
  /**
   * Administrator URLs of database servers that are up already, by data name. They hold passwords: kept encrypted in
   * the stack's state, and written nowhere else. A database without an entry is started on a host, at its port there.
   */
  databaseServers?: Record<string, string>;
}
