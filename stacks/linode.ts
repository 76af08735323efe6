import { providerTarget } from './cloud/provider.ts';
import { findAll, linodeApi } from './linode/api.ts';
import { linodeOptions, type LinodeOptions } from './linode/options.ts';
import { preflightLinode } from './linode/preflight.ts';
import { programLinode } from './linode/program.ts';

/** A Linode of Akamai with a volume. LINODE_TOKEN. */
export const linode = providerTarget<LinodeOptions>({
  name: 'linode',
  summary: 'a Linode of Akamai',
  options: linodeOptions,
  preflight: preflightLinode,
  program: programLinode,
  find: (_options, which, signal) => findAll(linodeApi(), which, signal),
});
