import { fileURLToPath } from 'node:url';
import { startServer, type RunningServer } from './server.ts';

const program = fileURLToPath(new URL('connect-proxy-main.ts', import.meta.url));

/**
 * An HTTP proxy (for HTTPS_PROXY) that leads every tunnel to one port of loopback: a server there can have any name. It
 * is a process of its own, because tests that wait for restic serve nobody meanwhile.
 */
export function startConnectProxy(targetPort: number): Promise<RunningServer> {
  return startServer(process.execPath, (port) => [
    '--no-warnings',
    program,
    String(port),
    String(targetPort),
  ]);
}
