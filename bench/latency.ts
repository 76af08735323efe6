import { connect, createServer, type Socket } from 'node:net';

/**
 * A network far away, on loopback: `latency.ts HOST PORT ONE_WAY_MS` prints the port it listens on and passes every byte
 * on after that time, in both directions. It delays and does not throttle: any number of bytes may be on their way. A
 * new connection takes one round trip more, as the handshake does. A program of its own, so that it takes its turn on the
 * machine's cores like any server.
 */
const [host = '', port = '', delay = ''] = process.argv.slice(2);
const oneWayMs = Number(delay);

createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
  const server = connect({ host, port: Number(port), noDelay: true, allowHalfOpen: true });
  // The client believes itself connected at once; far away it would be after a round trip.
  pass(client, server, performance.now() + 2 * oneWayMs);
  pass(server, client, 0);
  for (const [one, other] of [
    [client, server],
    [server, client],
  ] as const) {
    one.on('error', () => other.destroy());
  }
})
  .listen(0, '127.0.0.1')
  .on('listening', function announce(this: ReturnType<typeof createServer>) {
    const address = this.address();
    process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`);
  });

/** What came at some time goes on `oneWayMs` later, in order; nothing leaves before `openAtMs`. */
function pass(from: Socket, to: Socket, openAtMs: number): void {
  const queue: { dueMs: number; bytes: Buffer | undefined }[] = [];
  let isWaiting = false;
  const deliver = () => {
    isWaiting = false;
    // Timers count in whole milliseconds: what is due within one goes now.
    for (
      let first = queue[0];
      first !== undefined && first.dueMs <= performance.now() + 0.5;
      first = queue[0]
    ) {
      queue.shift();
      if (first.bytes === undefined) to.end();
      else to.write(first.bytes);
    }
    wait();
  };
  const wait = () => {
    const [first] = queue;
    if (first === undefined || isWaiting) return;
    isWaiting = true;
    setTimeout(deliver, Math.max(0, first.dueMs - performance.now()));
  };
  const add = (bytes: Buffer | undefined) => {
    queue.push({ dueMs: Math.max(performance.now(), openAtMs) + oneWayMs, bytes });
    wait();
  };
  from.on('data', add);
  from.once('end', () => add(undefined));
}
