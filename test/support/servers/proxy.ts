import { once } from 'node:events';
import { createServer, request as send, type IncomingMessage } from 'node:http';

/**
 * What becomes of a request: it passes; it is answered 503 at once; its connection breaks before the server has all of
 * it; the server has all of it and its answer breaks off half-way; it is answered 403, as from an account that was closed.
 */
export type Fate = 'pass' | 'refuse' | 'cut-request' | 'cut-answer' | 'deny';

export interface FaultyProxy {
  endpoint: string;
  /** `PUT refuse` for each request that did not pass. */
  faults: string[];
  stop(): Promise<void>;
}

/**
 * Stands before an HTTP server on loopback and lets each request go as `fateOf` says; with `flipsUploads`, what passes
 * has wrong bits.
 */
export async function startFaultyProxy(
  target: string,
  fateOf: (request: IncomingMessage) => Fate,
  { flipsUploads = false } = {},
): Promise<FaultyProxy> {
  const { hostname, port } = new URL(target);
  const faults: string[] = [];
  const server = createServer((request, response) => {
    const fate = fateOf(request);
    if (fate !== 'pass') faults.push(`${request.method} ${fate}`);
    if (fate === 'refuse' || fate === 'deny') {
      const status = fate === 'refuse' ? 503 : 403;
      request.resume().once('end', () => response.writeHead(status).end());
      return;
    }
    if (fate === 'cut-request') {
      request.once('data', () => request.socket.destroy());
      return;
    }
    // Signatures cover the host, so it stays the one that the client spoke to.
    const { method, url: path, headers } = request;
    const onward = send({ hostname, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      if (fate === 'pass') answer.pipe(response);
      else
        answer.once('data', (part: Buffer) =>
          response.write(part.subarray(0, part.length / 2), () => response.destroy()),
        );
      if (fate === 'cut-answer') answer.once('end', () => response.destroy());
    });
    onward.once('error', () => response.destroy());
    if (flipsUploads) request.on('data', turnOneBit);
    request.pipe(onward);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    faults,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function turnOneBit(part: Buffer): void {
  part[0] = (part[0] ?? 0) ^ 1;
}
