import { CustomResource, type Output } from '@pulumi/pulumi';

/** What the provider in provider-main.ts makes, as a program names it. Loads Pulumi: import it lazily. */
export class Claim extends CustomResource {
  /** JSON: by name. */
  declare readonly ports: Output<string>;

  constructor(name: string, inputs: ClaimInputs) {
    super('relocate:ssh:Claim', name, { ...inputs, ports: undefined });
  }
}

export interface ClaimInputs {
  /** JSON of `Reached`. */
  host: string;
  folder: string;
  deployment: string;
  /** Who needs a port, with spaces between them. */
  names: string;
  from: number;
  to: number;
}
