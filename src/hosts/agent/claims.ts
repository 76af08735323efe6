import { mkdir, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { claimFolder, removeFolder } from '../claimed-folder.ts';
import { leasePort, portLeases, releasePorts, stateHome } from '../leases.ts';
import type { Handler } from './peer.ts';

const claimSchema = z.object({
  folder: z.string().startsWith('/'),
  deployment: z.string().regex(/^[\w-]+$/),
});
const wantedSchema = claimSchema.extend({
  names: z.array(z.string()),
  from: z.number().int(),
  to: z.number().int(),
});

/** What a deployment has on a host that it shares with others: its folder, and ports that no other one gets. */
export const claimHandlers: Readonly<Record<string, Handler>> = {
  /** The ports, by name. */
  async claim(params) {
    const { folder, deployment, names, from, to } = wantedSchema.parse(params);
    await claimFolder(folder, deployment);
    await mkdir(claims(), { recursive: true, mode: 0o700 });
    await writeFile(join(claims(), deployment), `${folder}\n`);
    const ports: [string, number][] = [];
    for (const name of names)
      ports.push([name, await leasePort(portLeases(), { folder, name }, { from, to })]);
    return { result: Object.fromEntries(ports) };
  },

  /** `last`: there is no other deployment on this host any more. */
  async unclaim(params) {
    const { folder, deployment } = claimSchema.parse(params);
    await releasePorts(portLeases(), { folder });
    await removeFolder(folder, deployment);
    await rm(join(claims(), deployment), { force: true });
    const others = await readdir(claims()).catch(() => []);
    if (others.length > 0) return { result: 'others' };
    for (const path of [claims(), portLeases(), stateHome()]) await rmdir(path).catch(() => {});
    return { result: 'last' };
  },
};

const claims = () => join(stateHome(), 'deployments');
