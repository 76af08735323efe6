import { describe, expect, test } from '@jest/globals';
import { certificateFile, readCertificateLog } from '../../src/hosts/certificates.ts';

const since = '2026-01-31T12:00:00.000Z';
const seconds = Date.parse(since) / 1000;
const line = (at: number, fields: object) =>
  JSON.stringify({ level: 'info', ts: seconds + at, logger: 'tls.obtain', ...fields });
const obtained = (identifier: string) => ({ msg: 'certificate obtained successfully', identifier });
const retry = (subject: string, error: string) => ({
  msg: 'will retry',
  error: `[${subject}] Obtain: ${error}`,
  attempt: 1,
});
const problem = (kind: string) => `account: HTTP 403 urn:ietf:params:acme:error:${kind} - it will not`;
const names = ['a.example', 'b.example', '198.51.100.7'];

describe('what the front door’s log says of certificates', () => {
  test('one that was given, one that was refused, and one that nothing is known of', () => {
    const log = [
      line(1, obtained('a.example')),
      line(2, retry('198.51.100.7', problem('rejectedIdentifier'))),
    ];
    expect([...readCertificateLog(log.join('\n'), names, since).values()]).toEqual([
      { subject: 'a.example', state: 'there' },
      { subject: '198.51.100.7', state: 'refused', reason: 'it will not (rejectedIdentifier)' },
    ]);
  });

  test('the last word counts, and what was said before this start does not', () => {
    const log = [
      line(-1, obtained('b.example')),
      line(1, retry('a.example', problem('rateLimited'))),
      line(2, obtained('a.example')),
    ];
    expect([...readCertificateLog(log.join('\n'), names, since)]).toEqual([
      ['a.example', { subject: 'a.example', state: 'there' }],
    ]);
  });

  test.each(['dns', 'connection', 'unauthorized'])('%s says that the name leads elsewhere yet', (kind) => {
    const log = line(1, retry('a.example', problem(kind)));
    expect(readCertificateLog(log, names, since).get('a.example')).toMatchObject({ isUnproved: true });
  });

  test('an authority that does not answer is told in the words of the system', () => {
    const log = line(1, retry('a.example', 'dial tcp 198.51.100.1:443: connect: connection refused'));
    expect(readCertificateLog(log, names, since).get('a.example')?.reason).toMatch(/connection refused$/);
  });

  test('other names and lines that are none of the log’s are passed over', () => {
    const log = ['', 'panic: {', '{"msg":7}', 'null', line(1, obtained('other.example'))].join('\n');
    expect(readCertificateLog(log, names, since).size).toBe(0);
  });
});

test.each([
  ['www.example', 'www.example/www.example.crt'],
  ['*.example', 'wildcard_.example/wildcard_.example.crt'],
  ['2001:db8::7', '2001-db8--7/2001-db8--7.crt'],
])('the certificate of %s lies where Caddy puts it', (subject, path) => {
  expect(certificateFile(subject)).toBe(path);
});
