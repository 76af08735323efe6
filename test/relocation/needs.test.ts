import { expect, test } from '@jest/globals';
import { exposedPortsOf, needsOf } from '../../src/relocation/needs.ts';

const gibibyte = 1024 ** 3;
const appOf = (...names: string[]) => ({
  services: {
    kind: 'procfile' as const,
    path: '/srv/Procfile',
    services: names.map((name) => ({ name, command: 'x' })),
  },
});

test('a larger app needs a larger machine, and no data makes it need one without end', () => {
  const small = needsOf(appOf('web'), []);
  const large = needsOf(appOf('web', 'worker'), [{ sizeBytes: 20 * gibibyte }]);
  const huge = needsOf(appOf('web', 'worker'), [{ sizeBytes: 20_000 * gibibyte }]);
  expect(small.memoryBytes).toBeLessThan(gibibyte);
  expect(small.cores).toBe(1);
  expect(large.memoryBytes).toBeGreaterThan(2 * gibibyte);
  expect(large.cores).toBe(2);
  expect(huge.memoryBytes).toBeLessThan(6 * gibibyte);
});

test('images say what a machine must be, and what nobody rents out says nothing', () => {
  expect(needsOf(appOf('web'), []).architectures).toEqual([]);
  expect(needsOf(appOf('web'), [], ['arm64']).architectures).toEqual(['arm64']);
  expect(needsOf(appOf('web'), [], ['s390x']).architectures).toEqual([]);
});

test('an app without services opens no port, one with services those of the web', () => {
  expect(exposedPortsOf({ services: undefined })).toEqual([]);
  expect(exposedPortsOf(appOf('web')).map(({ port, protocol }) => `${port}/${protocol}`)).toEqual([
    '80/tcp',
    '443/tcp',
    '443/udp',
  ]);
});
