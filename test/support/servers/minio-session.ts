import { createHash, createHmac } from 'node:crypto';
import { minioCredentials } from './minio.ts';

/** Credentials of the server’s own making, which may do only what `allowed` says, for an hour. */
export async function minioSession(endpoint: string, allowed: string[]): Promise<Record<string, string>> {
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: allowed, Resource: ['arn:aws:s3:::*'] }],
  });
  const body = new URLSearchParams({ Action: 'AssumeRole', Version: '2011-06-15', Policy }).toString();
  const answer = await fetch(endpoint, {
    method: 'POST',
    body,
    headers: signed(new URL(endpoint).host, body),
  });
  const text = await answer.text();
  const told = (name: string) => new RegExp(`<${name}>(.*?)</${name}>`).exec(text)?.[1];
  const [key, secret, token] = ['AccessKeyId', 'SecretAccessKey', 'SessionToken'].map(told);
  if (key === undefined || secret === undefined || token === undefined) throw new Error(text);
  return { AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token };
}

/** AWS’s signature, version 4, for a form sent to `/`. */
function signed(host: string, body: string): Record<string, string> {
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const scope = [time.slice(0, 8), 'us-east-1', 'sts', 'aws4_request'];
  const type = 'application/x-www-form-urlencoded';
  const names = 'content-type;host;x-amz-date';
  const request = [
    'POST',
    '/',
    '',
    `content-type:${type}`,
    `host:${host}`,
    `x-amz-date:${time}`,
    '',
    names,
    hash(body),
  ];
  const toSign = ['AWS4-HMAC-SHA256', time, scope.join('/'), hash(request.join('\n'))].join('\n');
  let key: string | Buffer = `AWS4${minioCredentials.AWS_SECRET_ACCESS_KEY}`;
  for (const part of scope) key = hmac(key, part);
  const credential = `${minioCredentials.AWS_ACCESS_KEY_ID}/${scope.join('/')}`;
  const signature = hmac(key, toSign).toString('hex');
  return {
    'content-type': type,
    'x-amz-date': time,
    authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`,
  };
}
