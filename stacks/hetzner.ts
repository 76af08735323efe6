import { providerTarget } from './cloud/provider.ts';
import { hetznerApi } from './hetzner/api.ts';
import { findAll, setProtection } from './hetzner/inventory.ts';
import { hetznerOptions, type HetznerOptions } from './hetzner/options.ts';
import { preflightHetzner } from './hetzner/preflight.ts';
import { programHetzner } from './hetzner/program.ts';
import type { Target } from './target.ts';

/** A server of Hetzner Cloud with a volume. HCLOUD_TOKEN, and HCLOUD_ENDPOINT where it is not Hetzner's own. */
export const hetzner: Target<HetznerOptions> = {
  ...providerTarget<HetznerOptions>({
    name: 'hetzner',
    summary: 'a server of Hetzner Cloud',
    options: hetznerOptions,
    preflight: preflightHetzner,
    program: programHetzner,
    find: (_options, which, signal) => findAll(hetznerApi(), which, signal),
  }),
  async release(_options, { deployment }, signal) {
    const api = hetznerApi();
    const found = await findAll(api, { deployment }, signal);
    for (const { kind, id, isProtected } of found) {
      if (isProtected === true) await setProtection(api, kind, id, false, signal);
    }
  },
};
