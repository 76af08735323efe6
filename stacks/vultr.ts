import { providerTarget } from './cloud/provider.ts';
import { findAll, vultrApi } from './vultr/api.ts';
import { vultrOptions, type VultrOptions } from './vultr/options.ts';
import { preflightVultr } from './vultr/preflight.ts';
import { programVultr } from './vultr/program.ts';

/** An instance of Vultr with block storage and a reserved address. VULTR_API_KEY. */
export const vultr = providerTarget<VultrOptions>({
  name: 'vultr',
  summary: 'an instance of Vultr',
  options: vultrOptions,
  preflight: preflightVultr,
  program: programVultr,
  find: (_options, which, signal) => findAll(vultrApi(), which, signal),
});
