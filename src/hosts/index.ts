import type { Host, HostOutput } from './host.ts';
import { localHost } from './local.ts';
import { sshHost, type SshHostOptions } from './ssh/host.ts';

/** The host that a stack's outputs describe. Connects to nothing yet. To be closed by the caller. */
export function hostOf(
  output: HostOutput,
  options: SshHostOptions = {},
): Host & { close?: () => Promise<void> } {
  return output.transport.kind === 'local' ? localHost(output) : sshHost(output, options);
}
