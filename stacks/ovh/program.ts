import { RelocateError } from '../../src/errors.ts';
import { z } from 'zod';
import { cloudInit } from '../cloud-init.ts';
import type { Api } from '../cloud/api.ts';
import { takeOver } from '../cloud/inventory.ts';
import { requireMachineType } from '../cloud/machine-type.ts';
import { accessOf, firstKeyOf, hostOutput } from '../cloud/machine.ts';
import { partName } from '../cloud/names.ts';
import type { DeployRequest } from '../target.ts';
import { findAll, ovhApi, projectOf } from './api.ts';
import type { OvhOptions } from './options.ts';
import { machineTypes, needsWithData } from './preflight.ts';

/** One instance, with its data on its own disk: volumes and addresses that outlive it are not in OVH's Pulumi package. */
export async function programOvh(
  options: OvhOptions,
  request: DeployRequest,
): Promise<() => Promise<Record<string, unknown>>> {
  const [{ secret }, { Instance }] = await Promise.all([
    import('@pulumi/pulumi'),
    import('@ovhcloud/pulumi-ovh/cloudproject/instance.js'),
  ]);

  return async () => {
    const access = accessOf(request);
    const api = ovhApi(options);
    const found = await findAll(options, { deployment: request.deployment });
    const types = await machineTypes(api, options);
    const flavor =
      types.find(({ name }) => name === options.flavor) ?? requireMachineType(types, needsWithData(request));
    const flavorId = types.find(({ name }) => name === flavor.name)?.id ?? '';
    const server = new Instance(
      'server',
      {
        serviceName: projectOf(options),
        region: options.region,
        name: partName(request, 'server'),
        billingPeriod: 'hourly',
        bootFrom: { imageId: await debianImage(api, options) },
        flavor: { flavorId },
        network: { public: true },
        sshKeyCreate: { name: partName(request, 'key'), publicKey: firstKeyOf(request) },
        userData: secret(cloudInit({ access, devices: [] })),
      },
      {
        ...takeOver(found, 'server'),
        ignoreChanges: ['userData', 'bootFrom', 'flavor', 'sshKeyCreate'],
      },
    );
    const host = server.addresses.apply((addresses) => {
      const address = addresses.find(({ version }) => version === 4)?.ip ?? '';
      return hostOutput(request, address);
    });
    return { hosts: [host] };
  };
}

const images = z.array(z.object({ id: z.string(), name: z.string() }));

async function debianImage(api: Api, { region }: OvhOptions): Promise<string> {
  const all = await api.ask(images, '/image', { region, osType: 'linux' });
  const image = all.find(({ name }) => name === 'Debian 12');
  if (image !== undefined) return image.id;
  throw new RelocateError('provision-failed', `${region} has no image of Debian 12`, {
    hint: 'Nothing was made.',
  });
}
