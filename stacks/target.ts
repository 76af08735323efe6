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

  /** Asks whether a deploy could work now. No side effects. */
  preflight(options: Options, request: DeployRequest): Promise<Finding[]>;

  /**
   * The inline Pulumi Automation API program. It returns outputs of the shape `StackOutputs`. Loads its SDK when called.
   * Running it again for the same request changes nothing.
   */
  program(options: Options, request: DeployRequest): Promise<() => Promise<Record<string, unknown>>>;
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
}
