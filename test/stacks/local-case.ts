import { readdir, readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { local } from '../../stacks/local.ts';
import type { TargetCase } from '../contract/target.ts';

/** What the contract suite needs to know of the target `local`. */
export const localCase: TargetCase = {
  target: local,
  options: true,
  wrongOptions: { foldr: '/srv' },
  async residue({ folder }) {
    const leases = join(process.env['XDG_STATE_HOME']!, 'relocate', 'ports');
    const names = await readdir(leases).catch(() => []);
    const owned = await Promise.all(
      names.map(async (name) =>
        (await readFile(join(leases, name), 'utf8')).includes(folder) ? name : undefined,
      ),
    );
    return [...(existsSync(folder) ? [folder] : []), ...owned.filter((name) => name !== undefined)];
  },
};
