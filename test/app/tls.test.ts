import { describe, expect, test } from '@jest/globals';
import { parse, problemsOf, refusal } from './support.ts';

const head = 'app: shop\ncode: .\n';
const directory = 'https://ca.example.com/acme/directory';
const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----';
const key = '-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----';

describe('tls', () => {
  test('asks for a certificate of the address where an authority of one’s own is named, unless told not to', async () => {
    const acme = async (text: string) => (await parse(`${head}tls: { acme: ${text} }\n`)).tls?.acme;
    expect(await acme(`{ directory: "${directory}" }`)).toEqual({ directory, address: true });
    expect(await acme(`{ directory: "${directory}", address: false }`)).toMatchObject({ address: false });
    expect(await acme('{ email: ops@example.com }')).toEqual({ email: 'ops@example.com', address: false });
    expect((await parse(head)).tls).toBeUndefined();
  });

  test('takes the certificates out of the root’s file, and nothing else that is in it', async () => {
    const text = `${head}tls: { acme: { directory: "${directory}", root: tls/root.pem } }\n`;
    const app = await parse(text, { files: { 'tls/root.pem': `# ours\n${pem}\n${key}\n${pem}\n` } });
    expect(app.tls?.acme).toMatchObject({ rootPath: '/srv/app/tls/root.pem', rootPem: `${pem}\n${pem}` });
  });

  test.each([
    ['root: gone.pem', /there is no file \/srv\/app\/gone.pem/],
    ['root: key.pem', /key.pem holds no certificate/],
    ['root: ../outside.pem', /is not captured, and a deploy would miss it/],
    ['directory: "http://ca.example.com"', /must be a URL that begins with "https:\/\/"/],
    ['directory: "https://ca.example.com/{evil}"', /must be a URL/],
    ['email: ops', /must be an e-mail address/],
  ])('%s is told with its place', async (option, message) => {
    const files = { 'key.pem': key, '/srv/outside.pem': pem };
    const text = `${head}tls: { acme: { ${option} } }\n`;
    expect(problemsOf(await refusal(text, { files }))).toEqual([expect.stringMatching(message)]);
  });
});
