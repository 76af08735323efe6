import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface RefusingServer {
  port: number;
  /** What came, in order. */
  requests: IncomingMessage[];
  answerWith(answer: Answer): void;
  stop(): Promise<void>;
}

/** An HTTP server that answers as it is told, once it has all of a request. */
export async function startRefusing(): Promise<RefusingServer> {
  let answer: Answer = (_, response) => response.writeHead(500).end();
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    request.resume().once('end', () => answer(request, response));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    requests,
    answerWith: (next) => (answer = next),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
