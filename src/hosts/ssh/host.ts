import type { Emit } from '../../events.ts';
import type { SshAsked } from '../../ssh/settings.ts';
import type { Host, HostOutput } from '../host.ts';
import { HostConnection, type HostConnectionOptions } from './connection.ts';
import { runOverSsh } from './run.ts';

/** A host at the other end of one SSH connection. */
export interface SshHost extends Host {
  readonly connection: HostConnection;
  close(): Promise<void>;
}

export interface SshHostOptions extends Omit<HostConnectionOptions, 'name'> {
  emit?: Emit;
  /** Text of the deployment's own key; undefined: the keys of the user's own settings. */
  privateKey?: string | undefined;
}

/** Connects when it is first asked for something. To be closed by the caller. */
export function sshHost(output: HostOutput, { privateKey, ...options }: SshHostOptions = {}): SshHost {
  const name = output.name === output.address ? output.name : `${output.name} (${output.address})`;
  const connection = new HostConnection(askedOf(output, privateKey), { name, ...options });
  return {
    output,
    connection,
    run: (command, runOptions) => runOverSsh(connection, command, runOptions),
    close: () => connection.close(),
  };
}

/** Pure. The user's own login is taken where the stack names one; a machine that a stack made knows our key alone. */
export function askedOf(
  { name, address, transport }: Pick<HostOutput, 'name' | 'address' | 'transport'>,
  privateKey: string | undefined,
): SshAsked {
  if (transport.kind !== 'ssh') throw new TypeError(`${name} is not reached by SSH`);
  const { user, port, hostKey, own } = transport;
  return own === undefined
    ? { user, host: address, port, hostKey, privateKey }
    : { user, host: own.host, port, hostKey, identityFile: own.identityFile, jump: own.jump };
}
