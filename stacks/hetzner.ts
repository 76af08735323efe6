import { plain, removeAll } from './cloud/inventory.ts';
import { folderOnMachine } from './cloud/machine.ts';
import { hetznerApi } from './hetzner/api.ts';
import { findAll, setProtection } from './hetzner/inventory.ts';
import { hetznerOptions, type HetznerOptions } from './hetzner/options.ts';
import { preflightHetzner } from './hetzner/preflight.ts';
import { programHetzner } from './hetzner/program.ts';
import type { Target } from './target.ts';

/** A server of Hetzner Cloud with a volume. HCLOUD_TOKEN, and HCLOUD_ENDPOINT where it is not Hetzner's own. */
export const hetzner: Target<HetznerOptions> = {
  name: 'hetzner',
  summary: 'a server of Hetzner Cloud',
  options: hetznerOptions,
  folderFor: folderOnMachine,
  preflight: preflightHetzner,
  program: programHetzner,
  async release(_options, { deployment }, signal) {
    const api = hetznerApi();
    const guarded = (await findAll(api, { deployment }, signal)).filter(
      ({ isProtected }) => isProtected === true,
    );
    for (const { kind, id } of guarded) await setProtection(api, kind, id, false, signal);
  },
  async sweep(_options, { deployment }, signal) {
    await removeAll(await findAll(hetznerApi(), { deployment }, signal), signal);
  },
  async inventory(_options, which, signal) {
    return plain(await findAll(hetznerApi(), which, signal));
  },
};
