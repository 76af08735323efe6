import { findAll } from './aws/inventory.ts';
import { awsOptions, type AwsOptions } from './aws/options.ts';
import { preflightAws } from './aws/preflight.ts';
import { programAws } from './aws/program.ts';
import { providerTarget } from './cloud/provider.ts';

/** An instance of AWS EC2 with a volume and an elastic address. Credentials as AWS's own tools find them. */
export const aws = providerTarget<AwsOptions>({
  name: 'aws',
  summary: 'an instance of AWS EC2',
  options: awsOptions,
  preflight: preflightAws,
  program: programAws,
  find: ({ region }, which, signal) => findAll(region, which, signal),
});
