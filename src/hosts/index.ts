import { RelocateError } from '../errors.ts';
import type { Host, HostOutput } from './host.ts';
import { localHost } from './local.ts';

/** The host that a stack's outputs describe. Connects to nothing yet. */
export function hostOf(output: HostOutput): Host {
  if (output.transport.kind === 'local') return localHost(output);
  throw new RelocateError(
    'start-failed',
    `The host ${output.name} is reached by SSH, which is not supported yet`,
    {
      facts: { host: output.name, address: output.address },
      hint: 'Deploy to the target local.',
    },
  );
}
