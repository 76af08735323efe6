import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readCompose } from '../../src/app/compose.ts';
import type { Problem } from '../../src/app/problems.ts';

const none = () => undefined;

function compose(text: string, environment: Record<string, string> = {}) {
  const problems: Problem[] = [];
  const read = readCompose(text, (name) => environment[name], problems);
  expect(problems).toEqual([]);
  return read;
}

describe('a Compose file', () => {
  test('is read in its short forms', () => {
    const text = `
services:
  web:
    image: shop:\${TAG:-latest}
    command: [node, server.js]
    ports: ['8080:80', 443]
    environment: [A=1, B=x=y, C, 'D=\${SET}']
    env_file: web.env
    depends_on: [db]
    volumes: [data:/data, ./up:/up:ro, /cache, '~/x:/x', '\${DIR}:/dir', '/a:/b:z,ro']
volumes: { data: }
`;
    expect(compose(text, { SET: 's' })).toEqual({
      services: [
        {
          name: 'web',
          image: 'shop:latest',
          command: 'node server.js',
          ports: ['8080:80', '443'],
          environment: { A: '1', B: 'x=y', C: undefined, D: 's' },
          envFiles: ['web.env'],
          dependsOn: ['db'],
          mounts: [
            { kind: 'volume', source: 'data', target: '/data', readOnly: false },
            { kind: 'bind', source: './up', target: '/up', readOnly: true },
            { kind: 'anonymous', source: '', target: '/cache', readOnly: false },
            { kind: 'bind', source: '~/x', target: '/x', readOnly: false },
            { kind: 'bind', source: '${DIR}', target: '/dir', readOnly: false },
            { kind: 'bind', source: '/a', target: '/b', readOnly: true },
          ],
        },
      ],
      volumes: ['data'],
      unread: [],
    });
  });

  test('is read in its long forms', () => {
    const text = `
services:
  web:
    ports: [{ target: 80, published: '8080' }, { target: 81 }]
    environment: { A: 1, B: true, C: }
    env_file: [{ path: web.env, required: false }]
    depends_on: { db: { condition: service_healthy } }
    volumes:
      - { type: volume, source: data, target: /data, read_only: true }
      - { type: bind, src: ./up, dst: /up }
      - { type: volume, destination: /cache }
      - { type: tmpfs, target: /tmp }
`;
    expect(compose(text)?.services[0]).toMatchObject({
      ports: ['8080:80', '81'],
      environment: { A: '1', B: 'true', C: undefined },
      envFiles: ['web.env'],
      dependsOn: ['db'],
      mounts: [
        { kind: 'volume', source: 'data', target: '/data', readOnly: true },
        { kind: 'bind', source: './up', target: '/up', readOnly: false },
        { kind: 'anonymous', source: '', target: '/cache', readOnly: false },
        { kind: 'tmpfs', source: '', target: '/tmp', readOnly: false },
      ],
    });
  });

  test('says which other files it takes parts from', () => {
    const text = `
include: [a.yaml, { path: [b.yaml, c.yaml] }]
services:
  web: { extends: { file: base.yaml, service: web } }
  near: { extends: { service: web } }
  short: { extends: web }
`;
    expect(compose(text)?.unread).toEqual([
      'include: a.yaml',
      'include: b.yaml',
      'include: c.yaml',
      'service web extends a service of base.yaml',
    ]);
  });

  test.each([
    ['', 'a Compose file must have services'],
    ['web: { image: x }', 'a Compose file must have services'],
    ['services: []', 'a Compose file must have services'],
    ['- a', 'a Compose file must have services'],
    ['services: { web: *x }', /no valid YAML/],
    ['services: [', /no valid YAML/],
    ['services: \u0000', /control character/],
  ])('%j is refused', (text, message) => {
    const problems: Problem[] = [];
    expect(readCompose(text, none, problems)).toBeUndefined();
    expect(problems[0]?.message).toMatch(message);
  });

  test('of wrong types gives what can be told, and throws nothing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (volumes, ports, environment) => {
        const text = JSON.stringify({ services: { web: { volumes, ports, environment, extends: ports } } });
        expect(readCompose(text, none, [])?.services).toMatchObject([{ name: 'web' }]);
      }),
    );
  });
});
