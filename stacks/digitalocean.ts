import { providerTarget } from './cloud/provider.ts';
import { digitaloceanApi, findAll } from './digitalocean/api.ts';
import { digitaloceanOptions, type DigitaloceanOptions } from './digitalocean/options.ts';
import { preflightDigitalocean } from './digitalocean/preflight.ts';
import { programDigitalocean } from './digitalocean/program.ts';

/** A droplet of DigitalOcean with a volume and a reserved address. DIGITALOCEAN_TOKEN. */
export const digitalocean = providerTarget<DigitaloceanOptions>({
  name: 'digitalocean',
  summary: 'a droplet of DigitalOcean',
  options: digitaloceanOptions,
  preflight: preflightDigitalocean,
  program: programDigitalocean,
  find: (_options, which, signal) => findAll(digitaloceanApi(), which, signal),
});
