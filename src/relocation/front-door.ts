import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { App } from '../app/app.ts';
import { RelocateError } from '../errors.ts';
import { caddyfile } from '../hosts/front-door.ts';
import { runLocally } from '../hosts/local.ts';
import { startService } from '../hosts/supervisor.ts';
import { chooseService } from './checks.ts';
import { frontDoorName } from './plan.ts';
import type { DeployedApp } from './services.ts';

/**
 * Puts a web server in front of the app's web service: the world reaches ports 80 and 443 alone. One that runs as it
 * should is left alone. Throws `tool-missing` where the host has no Caddy, `start-failed`.
 */
export async function openFrontDoor({ app, host }: DeployedApp): Promise<{ pid?: number }> {
  const upstreamPort = host.ports[frontServiceOf(app) ?? ''];
  if (upstreamPort === undefined)
    throw new RelocateError(
      'start-failed',
      'No service of the app has a port that the world could be led to.',
    );
  await assertCaddy();
  const folder = join(host.folder, frontDoorName);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const config = join(folder, 'Caddyfile');
  const rootPath = join(folder, 'authority.pem');
  const { rootPem, ...acme } = app.tls?.acme ?? { address: false };
  if (rootPem !== undefined) await writeFile(rootPath, `${rootPem}\n`);
  const text = caddyfile({
    names: app.dns?.names ?? [],
    upstreamPort,
    folder,
    address: frontDoorAddress({ app, host }),
    acme: { ...acme, rootPath: rootPem === undefined ? undefined : rootPath },
  });
  await writeFile(config, text);
  const { pid } = await startService({
    name: frontDoorName,
    folder: host.folder,
    command: ['caddy', 'run', '--config', config, '--adapter', 'caddyfile'],
    cwd: folder,
    // With another configuration it is another service, and one that runs already is started anew.
    environment: {
      HOME: folder,
      XDG_DATA_HOME: folder,
      XDG_CONFIG_HOME: folder,
      CONFIGURATION: digest(text),
    },
  });
  return pid === undefined ? {} : { pid };
}

/** Pure: the address that a certificate is asked for, as the world knows it; undefined: for none. */
export function frontDoorAddress({ app, host }: Pick<DeployedApp, 'app' | 'host'>): string | undefined {
  const address = host.publicAddress ?? host.address;
  return app.tls?.acme.address === true && isIP(address) !== 0 ? address : undefined;
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex');

/** Pure: the service that a check by HTTP names, else `web`, else the first. */
export function frontServiceOf(app: Pick<App, 'checks' | 'services'>): string | undefined {
  const names = app.services?.services.map(({ name }) => name) ?? [];
  const checked = app.checks.flatMap((check) => (check.kind === 'http' ? (check.service ?? []) : []));
  return chooseService(names, checked[0]);
}

async function assertCaddy(): Promise<void> {
  const { exitCode } = await runLocally(['caddy', 'version'], { timeoutMs: 10_000 });
  if (exitCode === 0) return;
  throw new RelocateError(
    'tool-missing',
    'There is no caddy on the host, which leads the world to the services',
    {
      hint: 'The services run. Install Caddy there (Debian: apt-get install caddy), then deploy again with --resume.',
    },
  );
}
