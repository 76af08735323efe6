import { RelocateError } from '../errors.ts';
import { claimHandlers } from '../hosts/agent/claims.ts';
import { Peer } from '../hosts/agent/peer.ts';
import { quieter } from '../hosts/agent/quieter.ts';
import { agentHandlers } from '../relocation/agent-handlers.ts';
import { openRepository } from '../repository/index.ts';
import { sourceOf } from '../sources/index.ts';
import { RemoteStorage } from '../storage/remote.ts';

/**
 * The program that does a deploy's steps on a host. The operator starts it over SSH and speaks with it on its standard
 * input and output; it ends when these do. It keeps no secret but in memory.
 */
// Whoever writes to standard output would write into the conversation.
// oxlint-disable-next-line no-console -- it is kept from being used.
console.log = console.error;

const events = quieter((event) => peer.tell(event));
const agent = agentHandlers({
  emit: events.emit,
  sourceOf,
  openRepository: (at, url, password) => {
    const storage = new RemoteStorage(
      url,
      (method, params) => peer.call(`storage.${method}`, { at, ...params }),
      events.emit,
    );
    return openRepository(storage, password);
  },
});
const handlers = Object.fromEntries(
  Object.entries({ ...claimHandlers, ...agent.handlers }).map(([name, handler]) => [
    name,
    async (...call: Parameters<typeof handler>) => {
      try {
        return await handler(...call);
      } finally {
        events.flush();
      }
    },
  ]),
);
const peer = new Peer({
  input: process.stdin,
  output: process.stdout,
  handlers,
  lost: () => new RelocateError('interrupted', 'The operator has gone.'),
});
await peer.ended;
// Work that was stopped has a moment to end; nobody is there any more to wait for it.
// oxlint-disable-next-line no-process-exit -- what does not stop must not stay on the host.
setTimeout(() => process.exit(0), 2_000).unref();
await agent.close().catch(() => {});
process.exitCode = 0;
