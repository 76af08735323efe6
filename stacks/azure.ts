import { azureApi, findAll } from './azure/api.ts';
import { azureOptions, type AzureOptions } from './azure/options.ts';
import { preflightAzure } from './azure/preflight.ts';
import { programAzure } from './azure/program.ts';
import { providerTarget } from './cloud/provider.ts';

/** A virtual machine of Azure with a disk and an address. ARM_SUBSCRIPTION_ID and a service principal. */
export const azure = providerTarget<AzureOptions>({
  name: 'azure',
  summary: 'a virtual machine of Azure',
  options: azureOptions,
  preflight: preflightAzure,
  program: programAzure,
  find: async (_options, which, signal) => findAll(await azureApi(signal), which, signal),
});
