import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { getCACertificates } from 'node:tls';
import { inUrl } from '../hosts/in-url.ts';

/** A way in to the app from outside. */
export interface FrontDoor {
  kind: 'https' | 'http';
  address: string;
  port: number;
}

export interface AskOptions {
  /** The name, or the address, that is asked for: in the request and in TLS, whatever DNS says. */
  host: string;
  path: string;
  /** Whether its certificate must be right. */
  strict: boolean;
  /** Certificates as PEM that are trusted beside those of the system. */
  rootPem?: string | undefined;
  signal: AbortSignal;
}

export interface DoorAnswer {
  status: number;
  /** Its first MiB. */
  body: string;
  location: string;
}

const timeoutMs = 10_000;
const maxBodyBytes = 1024 * 1024;

/** Rejects where nobody answers, and where the certificate is not right. */
export function askDoor(
  { kind, address, port }: FrontDoor,
  { host, path, strict, rootPem, signal }: AskOptions,
): Promise<DoorAnswer> {
  const options = {
    host: address,
    port,
    path,
    headers: { host: inUrl(host), connection: 'close' },
    agent: false,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  };
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage) => {
      let body = '';
      response
        .setEncoding('utf8')
        .on('data', (text: string) => {
          body += text;
          if (body.length > maxBodyBytes) response.destroy();
        })
        .on('error', reject)
        .on('close', () =>
          resolve({ status: response.statusCode ?? 0, body, location: response.headers.location ?? '' }),
        );
    };
    const request =
      kind === 'http'
        ? requestHttp(options, answered)
        : requestHttps(
            {
              ...options,
              // TLS names no addresses.
              servername: isIP(host) === 0 ? host : '',
              rejectUnauthorized: strict,
              ...(rootPem === undefined ? {} : { ca: [...getCACertificates('default'), rootPem] }),
            },
            answered,
          );
    request.once('error', reject).end();
  });
}
