import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sshKeyFromSeed } from '../../src/hosts/ssh/keys.ts';
import { silent } from '../../src/events.ts';
import { destroyStack, provision, type StackRequest } from '../../src/relocation/pulumi.ts';
import { aws } from '../../stacks/aws.ts';
import type { AwsOptions } from '../../stacks/aws/options.ts';
import { findAll } from '../../stacks/aws/inventory.ts';
import type { Target } from '../../stacks/target.ts';
import { hasMoto, startMoto } from './support/moto.ts';
import { requestFor } from './support/request.ts';

const bridge = join(process.cwd(), '.tools', 'pulumi-resource-terraform-provider');
const terraformProvider = join(process.cwd(), '.tools', 'terraform-provider-aws');
const canRun = hasMoto && existsSync(bridge) && existsSync(terraformProvider);

/** The target as it is, with a stand-in for the one part that cannot be had everywhere: the official plugin's program. */
const target: Target<AwsOptions> = {
  ...aws,
  plugins: { aws: new URL('aws-plugin/main.ts', import.meta.url) },
};

// Skipped, and shown as such, where moto, the bridge or HashiCorp's provider of AWS is not there: see bin/setup.
const withMoto = hasMoto ? describe : describe.skip;
const forReal = canRun ? describe : describe.skip;

const key = sshKeyFromSeed('11'.repeat(32), 'relocate');
const hostKey = sshKeyFromSeed('22'.repeat(32), 'guestbook');

let moto: Awaited<ReturnType<typeof startMoto>> | undefined;
let root = '';
const before = { ...process.env };

beforeAll(async () => {
  if (!hasMoto) return;
  root = await mkdtemp(join(tmpdir(), 'relocate-aws-'));
  moto = await startMoto();
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: moto.url,
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'secret-access-key-4711',
    AWS_REGION: 'eu-central-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    RELOCATE_TEST_BRIDGE: bridge,
    RELOCATE_TEST_AWS_PROVIDER: terraformProvider,
  });
});

afterAll(async () => {
  await moto?.stop();
  process.env = before;
  await rm(root, { recursive: true, force: true });
});

const options = (more: object = {}) =>
  aws.options.parse({ image: 'ami-12c6146b', instanceType: 't3.medium', ...more });

withMoto('preflight at AWS', () => {
  const look = async (more: object = {}) => {
    const findings = await aws.preflight(options(more), requestFor('blue'));
    return findings.filter(({ level }) => level === 'refused');
  };

  test('finds nothing to object to, and makes nothing', async () => {
    expect(await look()).toEqual([]);
    expect(await findAll('eu-central-1', { app: 'guestbook' })).toEqual([]);
  });

  test('refuses a zone that is not there, with those that are', async () => {
    expect(await look({ zone: 'eu-central-1z' })).toMatchObject([
      { code: 'location', hint: expect.stringContaining('eu-central-1a') },
    ]);
  });

  test('refuses a type that is not there, with those that are', async () => {
    expect(await look({ instanceType: 't3.gigantic' })).toMatchObject([
      { code: 'server-type', hint: expect.stringContaining('m6g.large') },
    ]);
  });
});

forReal('the stack at AWS, with the real engine and HashiCorp’s own provider', () => {
  const work = (deployment: string): StackRequest => ({
    target,
    options: options(),
    request: requestFor(deployment, { access: { authorizedKeys: [key.publicKey], hostKey } }),
    stateFolder: join(root, deployment),
    passphrase: 'open-sesame-4711',
    emit: silent,
    signal: new AbortController().signal,
  });

  test('comes up, tells nobody its secrets, and leaves nothing in AWS when it is destroyed', async () => {
    const blue = work('blue');
    const outputs = await provision(blue);
    expect(outputs.hosts).toMatchObject([
      { address: expect.stringMatching(/^[\d.]+$/), folder: '/srv/relocate/blue' },
    ]);
    const made = await findAll('eu-central-1', { deployment: 'blue' });
    expect(made.map(({ kind }) => kind).toSorted()).toEqual([
      'elastic-ip',
      'instance',
      'internet-gateway',
      'key-pair',
      'route-table',
      'security-group',
      'subnet',
      'volume',
      'vpc',
    ]);

    expect(await textsHolding(root, [hostKey.privateKey.slice(120, 160), 'secret-access-key-4711'])).toEqual(
      [],
    );

    await destroyStack(blue);
    expect(await findAll('eu-central-1', { deployment: 'blue' })).toEqual([]);
  }, 600_000);

  test('that lost its state is swept away by its labels', async () => {
    const green = work('green');
    await provision(green);
    await rm(green.stateFolder, { recursive: true });
    const found = await aws.inventory!(options(), { app: 'guestbook' });
    expect(found.filter(({ deployment }) => deployment === 'green')).toHaveLength(9);
    await destroyStack(green);
    expect(await findAll('eu-central-1', { deployment: 'green' })).toEqual([]);
  }, 600_000);
});

async function textsHolding(folder: string, secrets: string[]): Promise<string[]> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const holding: string[] = [];
  for (const file of files) {
    if (!file.isFile()) continue;
    const path = join(file.parentPath, file.name);
    const text = await readFile(path, 'latin1');
    if (secrets.some((secret) => text.includes(secret))) holding.push(path);
  }
  return holding;
}
