import type { ExposedPort, Needs } from '../../stacks/target.ts';
import type { App } from '../app/app.ts';

const mebibyte = 1024 * 1024;
const gibibyte = 1024 * mebibyte;

/** The system with sshd, journald, and Docker or supervisors. */
const systemBytes = 512 * mebibyte;
/** What an interpreter with a web framework takes; a target's options say more where that is known. */
const serviceBytes = 256 * mebibyte;
/** A server of databases by itself; a twentieth of what it holds is the part that is read again and again. */
const databaseBytes = 256 * mebibyte;
const databaseCacheShare = 0.05;
const largestCacheBytes = 4 * gibibyte;

const known = ['amd64', 'arm64'] as const;

/** Pure: what a machine must have to carry the app. Rough by nature; whoever knows better names a server type. */
export function needsOf(
  app: Pick<App, 'services'>,
  databases: readonly { sizeBytes: number }[],
  /** Of its images, as Docker calls them. */
  architectures: readonly string[] = [],
): Needs {
  const services = app.services?.services.length ?? 0;
  const cacheBytes = databases.reduce((sum, { sizeBytes }) => sum + sizeBytes * databaseCacheShare, 0);
  return {
    memoryBytes: Math.ceil(
      systemBytes +
        services * serviceBytes +
        databases.length * databaseBytes +
        Math.min(cacheBytes, largestCacheBytes),
    ),
    cores: services + databases.length > 2 ? 2 : 1,
    diskBytes: 10 * gibibyte,
    architectures: known.filter((one) => architectures.includes(one)),
  };
}

/** Pure: what the world may reach. One front door serves all of the app's web services. */
export function exposedPortsOf(app: Pick<App, 'services'>): ExposedPort[] {
  if (app.services === undefined) return [];
  return [
    { port: 80, protocol: 'tcp' },
    { port: 443, protocol: 'tcp' },
    // HTTP/3
    { port: 443, protocol: 'udp' },
  ];
}
