import { describe, expect, test } from '@jest/globals';
import { chooseBinaries, parseToolVersion } from '../../src/postgres/binaries.ts';
import { readDetails } from '../../src/postgres/details.ts';
import { dollarQuote, quoteIdentifier, quoteLiteral } from '../../src/postgres/quoting.ts';
import { settingClause } from '../../src/postgres/roles.ts';
import { scramVerifier } from '../../src/postgres/scram.ts';
import { parseAccounts } from '../../src/postgres/unprivileged.ts';
import { parseUrl, redactUrl, toolEnvironment, withDatabase } from '../../src/postgres/url.ts';

describe('a database URL', () => {
  test('is read with all its escapes undone', () => {
    expect(parseUrl('postgresql://us%20er:p%40ss%2F@[::1]:5433/od%22d?sslmode=require', {})).toEqual({
      host: '::1',
      port: 5433,
      user: 'us er',
      password: 'p@ss/',
      database: 'od"d',
      parameters: { sslmode: 'require' },
    });
  });

  test('takes what it leaves out from the variables that libpq reads', () => {
    const environment = { PGHOST: '/run/pg', PGPORT: '6000', PGUSER: 'ann', PGPASSWORD: 'x' };
    expect(parseUrl('postgres://', environment)).toMatchObject({
      host: '/run/pg',
      port: 6000,
      user: 'ann',
      password: 'x',
      database: 'ann',
    });
  });

  test('may name a socket’s folder, in both spellings', () => {
    expect(parseUrl('postgres://ann@/shop?host=/run/pg', {})).toMatchObject({
      host: '/run/pg',
      database: 'shop',
    });
    expect(parseUrl('postgres://ann@%2Frun%2Fpg/shop', {})).toMatchObject({
      host: '/run/pg',
      database: 'shop',
    });
  });

  test('may hold a stray percent sign in its password', () => {
    expect(parseUrl('postgres://ann:50%off@h/d', {}).password).toBe('50%off');
  });

  test.each(['mysql://u:topsecret@h/d', 'topsecret', 'postgres://h:port-topsecret/d'])(
    'that cannot be read is not repeated in the error: %s',
    (url) => {
      let message = '';
      try {
        parseUrl(url);
      } catch (error) {
        message = JSON.stringify(error) + String(error);
      }
      expect(message).toContain('cannot be read');
      expect(message).not.toContain('topsecret');
      expect(redactUrl(url)).not.toContain('topsecret');
    },
  );

  test('is shown without its password, wherever that stands', () => {
    expect(redactUrl('postgres://ann:topsecret@h:1/d?sslpassword=topsecret')).toBe('postgres://ann@h:1/d');
    expect(redactUrl('postgres://h:1/d?user=ann&password=topsecret')).toBe('postgres://ann@h:1/d');
  });

  test('leads to another database with all else kept', () => {
    expect(withDatabase('postgres://ann:pw@h:1/d?dbname=e&sslmode=require', 'o/"d')).toBe(
      'postgres://ann:pw@h:1/o%2F%22d?sslmode=require',
    );
    expect(parseUrl(withDatabase('postgres://h/d', 'ünd = so')).database).toBe('ünd = so');
  });

  test('reaches the tools by the environment, and nothing there leads them elsewhere', () => {
    const environment = { PATH: '/bin', PGSERVICE: 'other', PGHOSTADDR: '10.0.0.1', PGOPTIONS: '-c x=1' };
    const result = toolEnvironment('postgres://ann:pw@h:1/d?sslmode=verify-full', environment);
    expect(result).toMatchObject({
      PATH: '/bin',
      PGHOST: 'h',
      PGPORT: '1',
      PGUSER: 'ann',
      PGPASSWORD: 'pw',
      PGDATABASE: 'd',
      PGSSLMODE: 'verify-full',
    });
    expect(Object.keys(result)).not.toEqual(expect.arrayContaining(['PGSERVICE']));
    expect(result['PGHOSTADDR']).toBeUndefined();
    expect(result['PGOPTIONS']).toBeUndefined();
  });
});

describe('PostgreSQL’s programs', () => {
  const found = [17, 13, 15, 16].map((major) => ({ folder: `/pg/${major}`, major, version: `${major}.1` }));

  test('of the same major version are preferred, else the lowest newer ones', () => {
    expect(chooseBinaries(found, 15)?.major).toBe(15);
    expect(chooseBinaries(found, 14)?.major).toBe(15);
    expect(chooseBinaries(found, 18)).toBeUndefined();
    expect(chooseBinaries(found, undefined)?.major).toBe(17);
  });

  test.each([
    ['pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)', { major: 15, version: '15.18' }],
    ['postgres (PostgreSQL) 18beta1', { major: 18, version: '18beta1' }],
    ['pg_dump (OtherSQL) 15', undefined],
  ])('say their version: %s', (output, expected) => {
    expect(parseToolVersion(output)).toEqual(expected);
  });
});

describe('SQL is written so that', () => {
  test('no name or text ends its quotes', () => {
    expect(quoteIdentifier('a"b')).toBe('"a""b"');
    expect(quoteLiteral("it's")).toBe("'it''s'");
    expect(quoteLiteral("\\'")).toBe(" E'\\\\'''");
    expect(dollarQuote('x $relocate$ y')).toBe('$relocate1$x $relocate$ y$relocate1$');
  });

  test.each([
    ['work_mem=7MB', `"work_mem" TO '7MB'`],
    ['app.key=a=b', `"app"."key" TO 'a=b'`],
    ['search_path="$user", public, "Odd ""s"""', `"search_path" TO '$user', 'public', 'Odd "s"'`],
    ['search_path=""', `"search_path" TO ''`],
  ])('a setting stays what it was: %s', (setting, clause) => {
    expect(settingClause(setting)).toBe(clause);
  });
});

test('a SCRAM verifier is the one of RFC 7677’s example exchange', () => {
  // Its salt and iterations, for the password "pencil"; keys as PostgreSQL computes them from these.
  const verifier = scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'));
  expect(verifier).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  );
});

test('accounts that are root by another name are never taken for the server', () => {
  const accounts = parseAccounts(
    'root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\npostgres:x:101:104::/:/bin/sh\n',
  );
  expect([...accounts]).toEqual([['postgres', { uid: 101, gid: 104 }]]);
});

test('a manifest that no capture has written is refused before anything is done', () => {
  expect(() =>
    readDetails({ database: 'x', sequences: [{ name: 'a', lastValue: '1; DROP', isCalled: true }] }),
  ).toThrow(expect.objectContaining({ code: 'snapshot-hostile' }));
});
