// Runs after the last test (jest's globalTeardown), in jest's own process. Something that a test left open would keep it
// alive for ever, without a word: it is named, and jest ends. Jest's exit code stays what the tests made it.
import process from 'node:process';

const patienceMs = 20_000;

const describe = (handle) => {
  const kind = handle.constructor?.name ?? typeof handle;
  if (Array.isArray(handle.spawnargs))
    return `${kind} ${handle.pid}: ${handle.spawnargs.join(' ').slice(0, 200)}`;
  if (handle.remotePort !== undefined)
    return `${kind} ${handle.localAddress}:${handle.localPort} to ${handle.remoteAddress}:${handle.remotePort}`;
  if (handle.listening === true) return `${kind} ${JSON.stringify(handle.address())}`;
  if (handle.threadId !== undefined) return `${kind} (thread ${handle.threadId})`;
  return `${kind} ${handle._type ?? ''} ${handle._handle?.fd ?? handle.fd ?? ''}`;
};

export default function sayWhatStaysOpen() {
  setTimeout(() => {
    // Node tells no more than kinds by its documented way, and a kind does not lead to the test.
    const handles = process._getActiveHandles?.() ?? [];
    const lines = [`kinds: ${process.getActiveResourcesInfo().join(', ')}`, ...handles.map(describe)];
    process.stderr.write(`Something that a test left open kept jest from ending:\n  ${lines.join('\n  ')}\n`);
    // oxlint-disable-next-line no-process-exit -- nothing else ends a process that something keeps alive.
    process.exit();
  }, patienceMs).unref();
}
