import { describe, expect, test } from '@jest/globals';
import {
  environmentChanges,
  moveEnvironment,
  withMovedVariables,
  type Move,
} from '../../src/relocation/environment.ts';

const move: Move = {
  oldFolder: '/srv/app',
  newFolder: '/new/code',
  databases: [
    {
      name: 'db',
      before: { host: 'localhost', port: '5432', user: 'writer', password: 'old', database: 'notes' },
      after: { host: '127.0.0.1', port: '20001', user: 'writer', password: 'n/w', database: 'notes' },
    },
  ],
  paths: [
    { before: '/srv/app', after: '/new/code' },
    { before: '/srv/app/uploads', after: '/new/code/uploads' },
    { before: '/var/archive', after: '/new/data/archive' },
    { before: '/srv/shared', after: '/new/data/shared' },
  ],
};

const moved = (environment: Record<string, string>) => moveEnvironment(environment, move);

describe('URLs of the database', () => {
  test.each([
    ['postgres://writer:old@localhost:5432/notes', 'postgres://writer:n%2Fw@127.0.0.1:20001/notes'],
    ['postgres://writer:old@localhost/notes', 'postgres://writer:n%2Fw@127.0.0.1:20001/notes'],
    ['postgresql://writer:old@127.0.0.1/notes', 'postgresql://writer:n%2Fw@127.0.0.1:20001/notes'],
    ['postgresql+psycopg2://w:p@localhost/notes', 'postgresql+psycopg2://writer:n%2Fw@127.0.0.1:20001/notes'],
    ['postgres://localhost/notes', 'postgres://127.0.0.1:20001/notes'],
    [
      'jdbc:postgresql://localhost:5432/notes?user=writer&password=old&ssl=true',
      'jdbc:postgresql://127.0.0.1:20001/notes?user=writer&password=n%2Fw',
    ],
    [
      'postgres://writer:old@localhost/notes?sslmode=require&application_name=web',
      'postgres://writer:n%2Fw@127.0.0.1:20001/notes?application_name=web',
    ],
    [
      'primary="postgres://writer:old@localhost/notes" pool=5',
      'primary="postgres://writer:n%2Fw@127.0.0.1:20001/notes" pool=5',
    ],
  ])('%s', (before, after) => {
    expect(moved({ ANY: before })).toEqual({ ANY: after });
  });

  test.each([
    'postgres://writer:old@localhost/other',
    'postgres://writer:old@localhost:5433/notes',
    'postgres://writer:old@db.example.org/notes',
    'mysql://writer:old@localhost:5432/notes',
  ])('of another database stays: %s', (value) => {
    expect(moved({ ANY: value })).toEqual({ ANY: value });
  });

  test('a password with an @ and a slash does not split the URL', () => {
    expect(moved({ ANY: 'postgres://writer:o%40l%2Fd@localhost/notes' })['ANY']).toBe(
      'postgres://writer:n%2Fw@127.0.0.1:20001/notes',
    );
  });
});

describe('parts of the database’s address', () => {
  test('libpq’s variables come along, also those that were left to defaults', () => {
    expect(moved({ PGDATABASE: 'notes' })).toEqual({
      PGHOST: '127.0.0.1',
      PGPORT: '20001',
      PGUSER: 'writer',
      PGPASSWORD: 'n/w',
      PGDATABASE: 'notes',
    });
  });

  test('a group of names that begin alike is changed where host and database match', () => {
    expect(moved({ DB_HOST: '127.0.0.1', DB_USERNAME: 'x', DB_PASSWORD: 'old', DB_NAME: 'notes' })).toEqual({
      DB_HOST: '127.0.0.1',
      DB_PORT: '20001',
      DB_USERNAME: 'writer',
      DB_PASSWORD: 'n/w',
      DB_NAME: 'notes',
    });
  });

  test.each([
    [{ REDIS_HOST: 'localhost', REDIS_PORT: '5432' }],
    [{ DB_HOST: 'localhost', DB_PORT: '3306', DB_NAME: 'notes' }],
    [{ DB_HOST: 'db.example.org', DB_NAME: 'notes' }],
    [{ PGHOST: 'db.example.org', PGDATABASE: 'notes' }],
    [{ HOST: 'localhost', NAME: 'notes' }],
  ])('another service’s stay: %j', (environment) => {
    expect(moved(environment)).toEqual(environment);
  });
});

describe('paths', () => {
  test.each([
    ['/srv/app/uploads', '/new/code/uploads'],
    ['/srv/app/uploads/2026', '/new/code/uploads/2026'],
    ['/srv/app', '/new/code'],
    ['/var/archive', '/new/data/archive'],
    ['file:///var/archive/x.db?mode=ro', 'file:///new/data/archive/x.db?mode=ro'],
    ['--out=/var/archive --in=/srv/app/in', '--out=/new/data/archive --in=/new/code/in'],
    ['/usr/bin:/srv/app/bin:/bin', '/usr/bin:/new/code/bin:/bin'],
    ['../shared/x', '/new/data/shared/x'],
    ['file:../shared/x.db', 'file:/new/data/shared/x.db'],
  ])('%s leads to %s', (before, after) => {
    expect(moved({ ANY: before })).toEqual({ ANY: after });
  });

  test.each([
    './uploads',
    'uploads',
    '/srv/apples',
    '/opt/srv/app',
    '/var/archive-2',
    'https://example.org/srv',
    'web',
    '.',
  ])('%s stays: it means something else, or still leads there', (value) => {
    expect(moved({ ANY: value })).toEqual({ ANY: value });
  });

  test('a new place that contains an old one is not moved a second time', () => {
    const nested: Move = {
      ...move,
      databases: [],
      paths: [{ before: '/srv/app', after: '/srv/app/.relocate/code' }],
    };
    expect(moveEnvironment({ ANY: '/srv/app/x' }, nested)).toEqual({ ANY: '/srv/app/.relocate/code/x' });
  });
});

test('of relocate.yaml’s own variables the app gets those that lead to its data, and no credentials of others', () => {
  const variables = { DATABASE_URL: 'postgres://writer:old@localhost/notes', HCLOUD_TOKEN: 'secret' };
  expect(withMovedVariables({ MODE: 'live' }, variables, move)).toEqual({
    MODE: 'live',
    DATABASE_URL: 'postgres://writer:old@localhost/notes',
  });
});

test('changes are shown without passwords', () => {
  const before = {
    URL: 'postgres://w:old@localhost/notes',
    DB_PASSWORD: 'old',
    JDBC: 'jdbc:postgresql://h/d?password=old',
    SAME: 'x',
  };
  const after = {
    URL: 'postgres://w:n%2Fw@127.0.0.1:1/notes',
    DB_PASSWORD: 'n/w',
    JDBC: 'jdbc:postgresql://h/d?password=new',
    SAME: 'x',
  };
  const changes = environmentChanges(before, after);
  expect(changes.map(({ name }) => name)).toEqual(['DB_PASSWORD', 'JDBC', 'URL']);
  expect(JSON.stringify(changes)).not.toMatch(/old|n%2Fw|n\/w|new/);
});
