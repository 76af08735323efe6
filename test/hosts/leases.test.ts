import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { holdsPort, leasePort, releasePorts } from '../../src/hosts/leases.ts';

const range = { from: 21_000, to: 21_999 };
let leases: string;

beforeEach(async () => {
  leases = await mkdtemp(join(tmpdir(), 'relocate-leases-'));
});

afterEach(() => rm(leases, { recursive: true }));

test('an owner keeps its port', async () => {
  const owner = { folder: '/blue', name: 'web' };
  const port = await leasePort(leases, owner, range);
  expect(await leasePort(leases, owner, range)).toBe(port);
  expect(await holdsPort(leases, owner, port)).toBe(true);
});

test('many at once get each their own', async () => {
  const owners = Array.from({ length: 25 }, (_, index) => ({
    folder: `/${index % 5}`,
    name: `service-${index}`,
  }));
  const ports = await Promise.all(owners.map((owner) => leasePort(leases, owner, range)));
  expect(new Set(ports).size).toBe(25);
  expect((await readdir(leases)).length).toBe(25);
});

test('a port that somebody listens on is not given away, on whichever address', async () => {
  for (const host of ['127.0.0.1', '0.0.0.0']) {
    const taken = await listen(host);
    const { port } = taken.address() as AddressInfo;
    const owner = { folder: '/blue', name: host };
    await expect(leasePort(leases, owner, { from: port, to: port })).rejects.toMatchObject({
      code: 'provision-failed',
    });
    await new Promise((resolve) => taken.close(resolve));
  }
});

test('a lease whose content is damaged stays taken', async () => {
  await writeFile(join(leases, String(range.from)), '');
  expect(await leasePort(leases, { folder: '/blue', name: 'web' }, range)).not.toBe(range.from);
});

test('a deployment gives all its ports back, and no other’s', async () => {
  await leasePort(leases, { folder: '/blue', name: 'web' }, range);
  await leasePort(leases, { folder: '/blue', name: 'db' }, range);
  const green = await leasePort(leases, { folder: '/green', name: 'web' }, range);
  await releasePorts(leases, { folder: '/blue', name: 'web' });
  expect((await readdir(leases)).length).toBe(2);
  await releasePorts(leases, { folder: '/blue' });
  await releasePorts(leases, { folder: '/blue' });
  expect(await readdir(leases)).toEqual([String(green)]);
});

function listen(host: string): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, host, () => resolve(server));
  });
}
