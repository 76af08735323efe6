import { resolve } from 'node:path';
import { z, type ZodType } from 'zod';
import type { Dns, DnsProvider } from './app.ts';
import { exactlyOne } from './exactly-one.ts';

/** The key `dns` of relocate.yaml. */

const defaultTtlMs = 60_000;

/** As every provider takes them; a name with other letters is written as DNS has it (`xn--…`). */
const namePattern =
  /^(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]\.?$/;

const name = z.string().max(253).regex(namePattern, {
  error: 'must be a whole name such as "www.example.com"; one with other letters is written "xn--…"',
});

const server = z
  .string()
  .regex(/^(\[[0-9A-Fa-f:.]+\](:\d{1,5})?|[0-9A-Fa-f:]+|[A-Za-z0-9._-]+(:\d{1,5})?)$/, {
    error: 'must be a server such as "ns1.example.com", "203.0.113.53:53" or "[2001:db8::53]:53"',
  });

interface Parts {
  path: z.ZodString;
  line: z.ZodString;
  duration: ZodType<number, string>;
}

export function dnsItem({ path, line, duration }: Parts) {
  return z.strictObject({
    zone: name.describe('The zone that holds the names, e.g. example.com.'),
    names: z
      .union([name, z.array(name).min(1)])
      .optional()
      .describe('The names that lead to the app. Default: the zone itself.'),
    provider: z
      .union([
        z.enum(['hetzner', 'cloudflare', 'digitalocean', 'route53', 'rfc2136'], {
          error: 'must be hetzner, cloudflare, digitalocean, route53, rfc2136, or a map for rfc2136 or file',
        }),
        exactlyOne('DNS provider', providers(path, line), {}),
      ])
      .describe('Who looks after the zone: a name, or a name and its options.'),
    ttl: duration
      .refine((ms) => ms >= 1_000 && ms <= 86_400_000, { error: 'must be between "1s" and "1d"' })
      .optional()
      .describe('How long answers may be kept while traffic is moved. Default: 60s.'),
    servers: z
      .array(server)
      .min(1)
      .optional()
      .describe('The zone’s own name servers, to check answers at. Default: as the provider names them.'),
  });
}

function providers(path: z.ZodString, line: z.ZodString) {
  return {
    hetzner: z.strictObject({}),
    cloudflare: z.strictObject({}),
    digitalocean: z.strictObject({}),
    route53: z.strictObject({
      zoneId: line.optional().describe('The hosted zone, where there are several of that name.'),
    }),
    rfc2136: z.strictObject({
      server: server.optional().describe('Who takes changes. Default: the server in the SOA record.'),
      keyFile: path
        .optional()
        .describe('The TSIG key, as tsig-keygen writes it. Default: RELOCATE_TSIG_KEY.'),
    }),
    file: z.union([
      path,
      z.strictObject({
        path: path.describe('The zone file.'),
        edit: z.boolean().default(false).describe('Change the file itself. Default: say what to change.'),
        reload: line.optional().describe('Command line that makes the server read the file again.'),
      }),
    ]),
  };
}

export type DnsDraft = z.output<ReturnType<typeof dnsItem>>;

const plain = (text: string) => text.toLowerCase().replace(/\.$/, '');

export function checkDns(
  { zone, names, provider }: DnsDraft,
  report: (path: (string | number)[], message: string) => void,
): void {
  const root = plain(zone);
  for (const [index, one] of asList(names ?? []).entries()) {
    const isInside = plain(one) === root || plain(one).endsWith(`.${root}`);
    const place = Array.isArray(names) ? ['dns', 'names', index] : ['dns', 'names'];
    if (!isInside) report(place, `is not in the zone ${root}`);
  }
  const file = typeof provider === 'object' ? provider.file : undefined;
  if (typeof file === 'object' && file.reload !== undefined && !file.edit)
    report(
      ['dns', 'provider', 'file', 'reload'],
      'nothing is reloaded where nothing is edited: add "edit: true"',
    );
}

export function toDns(draft: DnsDraft, folder: string): Dns {
  const zone = plain(draft.zone);
  return {
    zone,
    names: [...new Set(asList(draft.names ?? zone).map(plain))],
    ttlSeconds: Math.ceil((draft.ttl ?? defaultTtlMs) / 1000),
    servers: draft.servers,
    provider: toProvider(draft.provider, folder),
  };
}

function asList(value: string | string[]): string[] {
  return typeof value === 'string' ? [value] : value;
}

function toProvider(provider: DnsDraft['provider'], folder: string): DnsProvider {
  if (typeof provider === 'string') return { kind: provider };
  const { route53, rfc2136, file } = provider;
  if (file !== undefined) {
    const { path, edit, reload } =
      typeof file === 'string' ? { path: file, edit: false, reload: undefined } : file;
    return { kind: 'file', path: resolve(folder, path), edit, reload };
  }
  if (rfc2136 !== undefined) {
    const { server, keyFile } = rfc2136;
    return { kind: 'rfc2136', server, keyFile: keyFile === undefined ? undefined : resolve(folder, keyFile) };
  }
  if (route53 !== undefined) return { kind: 'route53', ...route53 };
  if (provider.hetzner !== undefined) return { kind: 'hetzner' };
  return { kind: provider.cloudflare === undefined ? 'digitalocean' : 'cloudflare' };
}
