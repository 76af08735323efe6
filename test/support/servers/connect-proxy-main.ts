import { createServer } from 'node:http';
import { connect } from 'node:net';

const [port, targetPort] = process.argv.slice(2).map(Number);

createServer((_, response) => response.writeHead(405).end())
  .on('connect', (_, near, head: Buffer) => {
    const far = connect(targetPort ?? 0, '127.0.0.1', () => {
      near.write('HTTP/1.1 200 OK\r\n\r\n');
      far.write(head);
      near.pipe(far).pipe(near);
    });
    for (const socket of [near, far])
      socket
        .on('error', () => {})
        .once('close', () => {
          near.destroy();
          far.destroy();
        });
  })
  .listen(port, '127.0.0.1');
