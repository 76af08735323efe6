import { describe, expect, test } from '@jest/globals';
import { caddyfile } from '../../src/hosts/front-door.ts';
import { frontServiceOf } from '../../src/relocation/front-door.ts';

describe('the front door', () => {
  const door = { names: ['notes.example.org'], upstreamPort: 8000, folder: '/srv/relocate/notes/front-door' };

  test('serves in clear under any name, and each name with a certificate', () => {
    const text = caddyfile(door);
    expect(text).toContain('http:// {');
    expect(text).toContain('notes.example.org {');
    expect(text).toContain('disable_redirects');
    expect(caddyfile({ ...door, names: [] })).not.toContain('example');
  });

  test('asks the authority that is named, and for the address, only where that is wanted', () => {
    const acme = { directory: 'https://ca.example/dir', rootPath: '/srv/root.pem', email: 'ops@example.org' };
    const text = caddyfile({ ...door, address: '2001:db8::7', acme });
    expect(text).toContain('acme_ca "https://ca.example/dir"');
    expect(text).toContain('acme_ca_root "/srv/root.pem"');
    expect(text).toContain('email "ops@example.org"');
    expect(text).toContain('https://[2001:db8::7] {');
    expect(text).toContain('default_sni 2001:db8::7');
    expect(caddyfile(door)).not.toMatch(/acme|https:\/\/|default_sni/);
  });

  test.each([{ address: 'notes {' }, { acme: { directory: 'https://a"b' } }, { acme: { email: 'a{b}' } }])(
    'says nothing to Caddy that it could take for something else: %j',
    (part) => {
      expect(() => caddyfile({ ...door, ...part })).toThrow(/is no address|cannot be told/);
    },
  );

  test.each(['notes.example.org {', 'a', '-a.b', 'a..b', 'a\nb.c', '{$HOME}.x'])(
    'takes no name like %j',
    (name) => {
      expect(() => caddyfile({ ...door, names: [name] })).toThrow('no name of a host');
    },
  );
});

test('the world is led to the service that a check by HTTP names, else to web, else to the first', () => {
  const services = {
    kind: 'procfile' as const,
    path: '/Procfile',
    services: ['clock', 'web', 'api'].map((name) => ({ name, command: '' })),
  };
  const http = { kind: 'http' as const, path: '/', status: 200 };
  expect(frontServiceOf({ services, checks: [{ ...http, service: 'api' }] })).toBe('api');
  expect(frontServiceOf({ services, checks: [http] })).toBe('web');
  expect(
    frontServiceOf({ services: { ...services, services: services.services.slice(0, 1) }, checks: [] }),
  ).toBe('clock');
  expect(frontServiceOf({ services: undefined, checks: [] })).toBeUndefined();
});
