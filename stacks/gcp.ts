import { providerTarget } from './cloud/provider.ts';
import { findAll } from './gcp/api.ts';
import { gcpOptions, type GcpOptions } from './gcp/options.ts';
import { preflightGcp } from './gcp/preflight.ts';
import { programGcp } from './gcp/program.ts';

/** An instance of Google Compute Engine with a disk and an address. Application default credentials, GOOGLE_PROJECT. */
export const gcp = providerTarget<GcpOptions>({
  name: 'gcp',
  summary: 'an instance of Google Compute Engine',
  options: gcpOptions,
  preflight: preflightGcp,
  program: programGcp,
  find: findAll,
});
