import { providerTarget } from './cloud/provider.ts';
import { findAll } from './ovh/api.ts';
import { ovhOptions, type OvhOptions } from './ovh/options.ts';
import { preflightOvh } from './ovh/preflight.ts';
import { programOvh } from './ovh/program.ts';

/** An instance of OVHcloud's Public Cloud. OVH_APPLICATION_KEY, OVH_APPLICATION_SECRET, OVH_CONSUMER_KEY. */
export const ovh = providerTarget<OvhOptions>({
  name: 'ovh',
  summary: 'an instance of OVHcloud',
  options: ovhOptions,
  preflight: preflightOvh,
  program: programOvh,
  find: findAll,
});
