import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  port: number;
  /** Bytes that went up, towards the server, in all connections. */
  sentBytes(): number;
  /** Breaks each connection once so many bytes more went up through it; 0 lets them be. Counts anew. */
  cutAfter(bytes: number, times?: number): void;
  cuts(): number;
  stop(): Promise<void>;
}

/** Stands before any server on loopback, and breaks connections in the middle of what they carry. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let sentBytes = 0;
  let cuts = 0;
  let limitBytes = 0;
  let timesLeft = 0;
  let sinceBytes = 0;
  const server = createServer((near) => {
    const far = connect(targetPort, '127.0.0.1');
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket)).on('error', () => {});
    }
    const end = () => [near, far].forEach((socket) => socket.destroy());
    near.once('close', end);
    far.once('close', end);
    near.on('data', (part: Buffer) => {
      sentBytes += part.length;
      sinceBytes += part.length;
      if (timesLeft > 0 && sinceBytes >= limitBytes) {
        timesLeft -= 1;
        sinceBytes = 0;
        cuts += 1;
        end();
      }
    });
    near.pipe(far);
    far.pipe(near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    sentBytes: () => sentBytes,
    cuts: () => cuts,
    cutAfter(bytes, times = 1) {
      limitBytes = bytes;
      timesLeft = bytes === 0 ? 0 : times;
      sinceBytes = 0;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
