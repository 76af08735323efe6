import type { Emit } from '../../events.ts';
import type { SshHost } from '../ssh/host.ts';
import { startOverSsh } from '../ssh/run.ts';
import { connectionLost } from '../ssh/trouble.ts';
import { installAgent } from './install.ts';
import { Peer, type Handler } from './peer.ts';

export interface AgentOptions {
  emit: Emit;
  signal: AbortSignal;
  /** What the agent may ask of us. */
  handlers?: Readonly<Record<string, Handler>>;
}

/** Starts an agent on the host, where need be after copying it there. It ends with its connection. */
export async function startAgent(
  host: SshHost,
  { emit, signal, handlers = {} }: AgentOptions,
): Promise<Peer> {
  const { node, program } = await installAgent(host, signal);
  const command = [node, '--no-warnings', program];
  const { channel, kill } = await startOverSsh(host.connection, command, { signal });
  let complaint = '';
  channel.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (complaint = (complaint + text).slice(-2_000)));
  const peer = new Peer({
    input: channel,
    output: channel,
    handlers,
    emit,
    lost: () => connectionLost(host.connection.name),
  });
  const tidy = async () => {
    await peer.ended;
    if (complaint.trim() !== '') emit({ type: 'detail', message: `the agent said: ${complaint.trim()}` });
    kill();
  };
  void tidy();
  return peer;
}
