import { describe, expect, test } from '@jest/globals';
import { azure } from '../../stacks/azure.ts';
import { loadPackage } from '../../stacks/cloud/package.ts';
import { digitalocean } from '../../stacks/digitalocean.ts';
import { gcp } from '../../stacks/gcp.ts';
import { linode } from '../../stacks/linode.ts';
import { ovh } from '../../stacks/ovh.ts';
import { scaleway } from '../../stacks/scaleway.ts';
import { vultr } from '../../stacks/vultr.ts';
import { describeProvider } from '../contract/provider-target.ts';
import { fakes } from './support/fake-bearers.ts';
import { otherFakes } from './support/fake-others.ts';
import type { Made } from './support/mocked-stack.ts';

const inputOf = (made: readonly Made[], name: string): Record<string, unknown> =>
  made.find((one) => one.name === name)?.inputs ?? {};
const decoded = (text: unknown): string => Buffer.from(String(text), 'base64').toString();
const numbers = (name: string): string => String(100 + ['server', 'volume', 'firewall', 'key'].indexOf(name));

describe('digitalocean', () =>
  describeProvider({
    target: digitalocean,
    options: {},
    wrongOptions: [{ regoin: 'fra1' }, { size: '' }],
    routes: fakes.digitalocean(false),
    environment: (url) => ({ DIGITALOCEAN_API_URL: url, DIGITALOCEAN_TOKEN: 'token-4711' }),
    credentials: ['DIGITALOCEAN_TOKEN'],
    existing: {
      routes: fakes.digitalocean(true),
      takenOver: {
        key: '5',
        network: 'vpc-1',
        volume: 'vol-1',
        server: '7',
        address: '203.0.113.9',
        firewall: 'fw-1',
      },
    },
    outputs: ({ name }) => (name === 'address' ? { ipAddress: '127.0.0.2' } : { fingerprint: 'aa:bb' }),
    idOf: (name) => (name === 'server' ? '7' : `${name}-id`),
    userData: (made) => String(inputOf(made, 'server')['userData']),
    labelsOf: ({ inputs }) => inputs['tags'],
    tellsPrice: true,
  }));

describe('vultr', () =>
  describeProvider({
    target: vultr,
    options: {},
    wrongOptions: [{ plna: 'vc2-2c-4gb' }],
    routes: fakes.vultr(false),
    environment: (url) => ({ VULTR_API_URL: url, VULTR_API_KEY: 'token-4711' }),
    credentials: ['VULTR_API_KEY'],
    existing: {
      routes: fakes.vultr(true),
      takenOver: { key: 'k-1', firewall: 'f-1', address: 'r-1', server: 'i-1', volume: 'b-1' },
    },
    outputs: ({ name }) => (name === 'address' ? { subnet: '127.0.0.2' } : {}),
    userData: (made) => String(inputOf(made, 'server')['userData']),
    labelsOf: ({ inputs }) => inputs['tags'],
    labelled: 1,
    tellsPrice: true,
  }));

describe('linode', () =>
  describeProvider({
    target: linode,
    options: {},
    wrongOptions: [{ region: 4 }],
    routes: fakes.linode(false),
    environment: (url) => ({ LINODE_URL: url, LINODE_TOKEN: 'token-4711' }),
    credentials: ['LINODE_TOKEN'],
    existing: {
      routes: fakes.linode(true),
      takenOver: { key: '10', firewall: '9', server: '7', volume: '8' },
    },
    outputs: ({ name }) => (name === 'server' ? { ipAddress: '127.0.0.2' } : {}),
    idOf: numbers,
    userData: (made) => {
      const [metadata] = inputOf(made, 'server')['metadatas'] as { userData: string }[];
      return decoded(metadata?.userData);
    },
    labelsOf: ({ inputs }) => inputs['tags'],
    tellsPrice: true,
  }));

describe('scaleway', () =>
  describeProvider({
    target: scaleway,
    options: {},
    wrongOptions: [{ zone: '' }],
    routes: fakes.scaleway(false),
    environment: (url) => ({
      SCW_API_URL: url,
      SCW_ACCESS_KEY: 'SCWXXXXXXXXXXXXXXXXX',
      SCW_SECRET_KEY: 'token-4711',
      SCW_DEFAULT_PROJECT_ID: 'project-1',
    }),
    credentials: ['SCW_ACCESS_KEY', 'SCW_SECRET_KEY'],
    existing: {
      routes: fakes.scaleway(true),
      takenOver: {
        key: 'u-5',
        server: 'fr-par-1/u-1',
        address: 'fr-par-1/u-2',
        firewall: 'fr-par-1/u-3',
        volume: 'fr-par-1/u-4',
      },
    },
    outputs: ({ name }) => (name === 'address' ? { address: '127.0.0.2' } : {}),
    userData: (made) => String(inputOf(made, 'server')['cloudInit']),
    labelsOf: ({ inputs }) => inputs['tags'],
    tellsPrice: true,
  }));

describe('gcp', () =>
  describeProvider({
    target: gcp,
    options: { project: 'project-1' },
    wrongOptions: [{ machinetype: 'e2-medium' }],
    routes: otherFakes.gcp(false),
    environment: (url) => ({
      GOOGLE_COMPUTE_CUSTOM_ENDPOINT: url,
      GOOGLE_OAUTH_ACCESS_TOKEN: 'token-4711',
      // Else Google's library would look for a machine of Google's that this one might be.
      GOOGLE_APPLICATION_CREDENTIALS: '/nonexistent/GOOGLE_APPLICATION_CREDENTIALS',
    }),
    credentials: ['GOOGLE_OAUTH_ACCESS_TOKEN'],
    existing: {
      routes: otherFakes.gcp(true),
      takenOver: {
        server: 'projects/project-1/zones/europe-west3-c/instances/blue',
        volume: 'projects/project-1/zones/europe-west3-c/disks/blue-volume',
        address: 'projects/project-1/regions/europe-west3/addresses/blue-address',
        firewall: 'projects/project-1/global/firewalls/blue-firewall',
        ssh: 'projects/project-1/global/firewalls/blue-interface',
        subnet: 'projects/project-1/regions/europe-west3/subnetworks/blue-subnet',
        network: 'projects/project-1/global/networks/blue-network',
      },
    },
    outputs: ({ name }) => (name === 'address' ? { address: '127.0.0.2' } : {}),
    userData: (made) => String((inputOf(made, 'server')['metadata'] as Record<string, string>)['user-data']),
    labelsOf: ({ inputs }) => inputs['labels'],
    tellsPrice: false,
  }));

describe('azure', () =>
  describeProvider({
    target: azure,
    options: {},
    wrongOptions: [{ vmsize: 'Standard_B2s' }],
    routes: otherFakes.azure(false),
    environment: (url) => ({
      AZURE_RESOURCE_MANAGER_URL: url,
      AZURE_AUTHORITY_HOST: url,
      ARM_SUBSCRIPTION_ID: 'subscription-1',
      ARM_TENANT_ID: 'tenant-1',
      ARM_CLIENT_ID: 'client-1',
      ARM_CLIENT_SECRET: 'secret-4711',
    }),
    credentials: ['ARM_SUBSCRIPTION_ID', 'ARM_CLIENT_SECRET'],
    existing: {
      routes: otherFakes.azure(true),
      takenOver: Object.fromEntries([
        ['group', '/subscriptions/subscription-1/resourceGroups/blue-group'],
        ...[
          ['network', 'Microsoft.Network/virtualNetworks'],
          ['address', 'Microsoft.Network/publicIPAddresses'],
          ['volume', 'Microsoft.Compute/disks'],
          ['server', 'Microsoft.Compute/virtualMachines'],
        ].map(([part, type]) => [
          part,
          `/subscriptions/subscription-1/resourceGroups/blue-group/providers/${type}/blue-${part}`,
        ]),
      ]) as Record<string, string>,
    },
    probes: ({ path }) => path.endsWith('/token'),
    outputs: ({ name }) => (name === 'address' ? { ipAddress: '127.0.0.2' } : {}),
    userData: (made) => decoded(inputOf(made, 'server')['customData']),
    labelsOf: ({ inputs }) => inputs['tags'],
    tellsPrice: false,
  }));

describe('ovh', () =>
  describeProvider({
    target: ovh,
    options: {},
    wrongOptions: [{ volumeGigabytes: 10 }],
    routes: otherFakes.ovh(false),
    environment: (url) => ({
      OVH_ENDPOINT: url,
      OVH_APPLICATION_KEY: 'application-1',
      OVH_APPLICATION_SECRET: 'secret-4711',
      OVH_CONSUMER_KEY: 'consumer-1',
      OVH_CLOUD_PROJECT_SERVICE: 'project-1',
    }),
    credentials: ['OVH_APPLICATION_KEY', 'OVH_CONSUMER_KEY'],
    existing: { routes: otherFakes.ovh(true), takenOver: { server: 'i-1' } },
    outputs: () => ({ addresses: [{ ip: '127.0.0.2', version: 4 }] }),
    // Without a volume there is no device to be told of.
    userData: (made) => `${String(inputOf(made, 'server')['userData'])}\n# /dev/ of its own`,
    labelsOf: () => undefined,
    labelled: 0,
    tellsPrice: false,
  }));

test('a package that is not installed is named, with the command that installs it', async () => {
  const name: string = '@pulumi/no-such-provider';
  const missing = () => import(name) as Promise<unknown>;
  await expect(loadPackage(name, missing)).rejects.toMatchObject({
    code: 'tool-missing',
    hint: expect.stringContaining('npm install @pulumi/no-such-provider'),
  });
});
