import { CustomResource, type CustomResourceOptions, type Output } from '@pulumi/pulumi';
import type { PortRange } from '../../src/hosts/leases.ts';

/** What the provider in provider-main.ts makes, as a program names it. Loads Pulumi: import it lazily. */
export class Folder extends CustomResource {
  constructor(name: string, inputs: { path: string; deployment: string }) {
    super('relocate:local:Folder', name, inputs);
  }
}

export interface PortInputs extends PortRange {
  /** The folder of leases that the machine's deployments share. */
  leases: string;
  folder: string;
  name: string;
}

export class Port extends CustomResource {
  declare readonly port: Output<number>;

  constructor(name: string, inputs: PortInputs, options: CustomResourceOptions) {
    super('relocate:local:Port', name, { ...inputs, port: undefined }, options);
  }
}
