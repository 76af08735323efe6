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
   * Its machines let in what the app exposes and nothing else, so that something must lead from there to the services.
   */
  readonly opensPorts?: boolean;

  /** Options, not parsed yet, from what stands behind the name in `--to`, as in `ssh:ops@host`. Absent: nothing may. */
  optionsOf?(text: string): unknown;

  /** What it deploys to is this machine: what the app needs must be here. */
  readonly isThisMachine?: boolean;

  /**
   * Provider plugins of the project's own, by package name: each a program file (.ts or .js) that Node runs. Providers
   * with a published plugin need no entry.
   */
  readonly plugins?: Readonly<Record<string, URL>>;

  /** The folder on the host that the options ask for; it becomes `request.folder`. Undefined: the caller decides. */
  folderFor?(options: Options, deployment: string): string | undefined;

  /**
   * Asks whether a deploy could work now, and what it would cost. No side effects. A provider that refuses, or that
   * does not answer, is a finding and no error; so one that is out of reach does not hide what others say.
   */
  preflight(options: Options, request: DeployRequest, signal?: AbortSignal): Promise<Finding[]>;

  /**
   * The inline Pulumi Automation API program. It returns outputs of the shape `StackOutputs`. Loads its SDK when called,
   * and asks the provider nothing before the returned function runs. Running it again for the same request changes
   * nothing, also when the stack's state knows less than there is: what carries the deployment's name is taken over.
   */
  program(options: Options, request: DeployRequest): Promise<() => Promise<Record<string, unknown>>>;

  /**
   * Lifts what guards the deployment's things from being removed. Called before destroying, because provider plugins do
   * not all do it. Idempotent. Throws as `sweep`.
   */
  release?(options: Options, request: DeployRequest, signal?: AbortSignal): Promise<void>;

  /**
   * Removes what belongs to the deployment at the provider though the stack's state does not know it: a `kill -9`
   * between "made" and "written down" leaves such things. Found by the deployment's name, never by guess. Idempotent.
   * Throws `provision-failed` where the provider cannot be asked; then things may be left.
   */
  sweep(options: Options, request: DeployRequest, signal?: AbortSignal): Promise<void>;

  /**
   * What there is at the provider of one deployment, or of all of an app, by the labels alone: the way back to them
   * where their state is lost. Undefined for targets that need no state to find things. Throws as `sweep`.
   */
  inventory?(options: Options, which: Labelled, signal?: AbortSignal): Promise<FoundResource[]>;
}

/** What the app needs of a place. Plain data; the private host key is the only secret in it. */
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
  /** What a machine must have. Absent: a target's smallest will do. */
  needs?: Needs | undefined;
  /** Ports that the world may reach; all others are closed. Absent: none. */
  exposed?: readonly ExposedPort[] | undefined;
  /**
   * How hosts are reached once they are up. Absent where nothing is made that needs it: for a preflight, for destroying,
   * and for this machine.
   */
  access?: Access | undefined;
  /** Volumes must not go by a slip of the hand at the provider: set for a deploy, not for a drill. */
  protectData?: boolean | undefined;
}

export interface Needs {
  memoryBytes: number;
  cores: number;
  /** For the system, images and programs; the data comes on top, on a volume of its own. */
  diskBytes: number;
  /** Those that all images of the app run on. Empty: not known; the app came from a common machine, amd64. */
  architectures: readonly Architecture[];
}

/** As container images call them. */
export type Architecture = 'amd64' | 'arm64';

export interface ExposedPort {
  port: number;
  protocol: 'tcp' | 'udp';
}

export interface Access {
  /** Lines of an authorized_keys file. */
  authorizedKeys: readonly string[];
  /** The key that the host shall have, so that the first connection is pinned already. */
  hostKey: {
    /** Secret. OpenSSH's PEM. */
    privateKey: string;
    /** `ssh-ed25519 AAAA… comment` */
    publicKey: string;
  };
}

export interface Finding {
  level: 'ok' | 'warning' | 'refused';
  /**
   * Stable, e.g. `disk-room`. Of providers: `credentials`, `permissions`, `location`, `server-type`, `architecture`,
   * `stock`, `quota`, `volume`, `price`, `distance`, `ssh-from`.
   */
  code: string;
  message: string;
  hint?: string;
  /** With code `price`: what all that would be made costs together. */
  price?: Price;
  /** With code `distance`: from here to the provider's API and back. */
  roundTripMs?: number;
}

export interface Price {
  /** ISO 4217. */
  currency: string;
  perHour: number;
  perMonth: number;
}

/** Exactly one of them. */
export type Labelled = { deployment: string } | { app: string };

/** Something at a provider that carries our labels. */
export interface FoundResource {
  /** The provider's word: `server`, `volume`, … */
  kind: string;
  id: string;
  name: string;
  /** Empty where the provider keeps nothing of such a thing but its name. */
  app: string;
  deployment: string;
}

export interface StackOutputs {
  hosts: HostOutput[];
  /**
   * Administrator URLs of database servers that are up already, by data name. They hold passwords: kept encrypted in
   * the stack's state, and written nowhere else. A database without an entry is started on a host, at its port there.
   */
  databaseServers?: Record<string, string>;
}
