import { providerTarget } from './cloud/provider.ts';
import { findAll, scalewayApi } from './scaleway/api.ts';
import { scalewayOptions, type ScalewayOptions } from './scaleway/options.ts';
import { preflightScaleway } from './scaleway/preflight.ts';
import { programScaleway } from './scaleway/program.ts';

/** An instance of Scaleway with a block volume and an address. SCW_ACCESS_KEY, SCW_SECRET_KEY, SCW_DEFAULT_PROJECT_ID. */
export const scaleway = providerTarget<ScalewayOptions>({
  name: 'scaleway',
  summary: 'an instance of Scaleway',
  options: scalewayOptions,
  preflight: preflightScaleway,
  program: programScaleway,
  find: ({ zone }, which, signal) => findAll(scalewayApi(), zone, which, signal),
});
