/** A machine that a stack brought up, as the stack's outputs tell it. Serialisable. */
export interface HostOutput {
  name: string;
  /** Where its services are reached. */
  address: string;
  /** Where the world reaches it, for one who reaches it by another address: the host itself. */
  publicAddress?: string;
  transport: { kind: 'local' } | SshTransport;
  /** The folder on the host that belongs to the deployment. */
  folder: string;
  /** Ports to listen on, by service name, and those of databases by data name. */
  ports: Record<string, number>;
}

export interface SshTransport {
  kind: 'ssh';
  /** Undefined, as the port, where the user's own SSH settings say it. */
  user?: string | undefined;
  port?: number | undefined;
  /** "ssh-ed25519 AAAA…": the one key that it has. Undefined, for a host of the user's: what known_hosts says. */
  hostKey?: string | undefined;
  /** A host that the user could log in to before: how. Without it, the deployment's own key opens it. */
  own?: OwnLogin | undefined;
}

export interface OwnLogin {
  /** As the user names it; ~/.ssh/config may say more of it. */
  host: string;
  identityFile?: string | undefined;
  /** As `ProxyJump` has it. */
  jump?: string | undefined;
}

/** What the stages ask of a host. */
export interface Host {
  readonly output: HostOutput;
  run(command: readonly string[], options?: RunOptions): Promise<RunResult>;
}

export interface RunOptions {
  cwd?: string;
  /** Added to the host's own environment. */
  environment?: Readonly<Record<string, string>>;
  /** Secrets go here, never into the command. */
  input?: string | AsyncIterable<Uint8Array>;
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface RunResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}
