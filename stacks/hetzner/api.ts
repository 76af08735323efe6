import { z } from 'zod';
import { makeApi, requiredVariable, type Api } from '../cloud/api.ts';

/** https://docs.hetzner.cloud/reference/cloud; the shapes are the parts that are read here. */
export const defaultEndpoint = 'https://api.hetzner.cloud/v1';
export const provider = 'Hetzner Cloud';

/** The same variables as the official tools. Empty counts as not set. */
export function hetznerEndpoint(): string {
  const given = process.env['HCLOUD_ENDPOINT'];
  return (given === undefined || given === '' ? defaultEndpoint : given).replace(/\/+$/, '');
}

const errorBody = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
const tokenHint =
  'Set HCLOUD_TOKEN to an API token of the project with read and write access (Hetzner Console: Security, API tokens).';

/** Throws `provision-failed` where no token is set. */
export function hetznerApi(): Api {
  const token = requiredVariable(provider, 'HCLOUD_TOKEN', tokenHint);
  return makeApi({
    provider,
    endpoint: hetznerEndpoint(),
    headers: () => ({ authorization: `Bearer ${token}` }),
    explain: (body) => {
      const { code: reason, message } = errorBody.safeParse(body).data?.error ?? {};
      return { reason, message };
    },
    credentialsHint: tokenHint,
  });
}

const pagination = z.object({
  meta: z.object({ pagination: z.object({ next_page: z.number().nullable() }) }).optional(),
});

/** All pages of a list, 50 entries each. */
export async function listAll<Entry>(
  api: Api,
  path: string,
  entry: z.ZodType<Entry>,
  query: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Entry[]> {
  const key = path.slice(1);
  const pageSchema = z.object({ [key]: z.array(entry) }).and(pagination);
  const all: Entry[] = [];
  for (let page: number | null = 1; page !== null;) {
    const answer: z.infer<typeof pageSchema> = await api.ask(
      pageSchema,
      path,
      { ...query, page, per_page: 50 },
      signal,
    );
    all.push(...(answer[key] ?? []));
    page = answer.meta?.pagination.next_page ?? null;
  }
  return all;
}

const id = z.number().int();
const amount = z.object({ net: z.string(), gross: z.string() });

export const locationSchema = z.object({
  name: z.string(),
  city: z.string(),
  country: z.string(),
  network_zone: z.string(),
});
export type Location = z.infer<typeof locationSchema>;

const serverTypePrice = z.object({ location: z.string(), price_hourly: amount, price_monthly: amount });

export const serverTypeSchema = z.object({
  id,
  name: z.string(),
  cores: z.number(),
  /** GB */
  memory: z.number(),
  /** GB */
  disk: z.number(),
  architecture: z.enum(['x86', 'arm']),
  deprecated: z.boolean().nullish(),
  prices: z.array(serverTypePrice),
  locations: z
    .array(
      z.object({
        name: z.string(),
        available: z.boolean().optional(),
        deprecation: z.object({ unavailable_after: z.string() }).nullish(),
      }),
    )
    .optional(),
});
export type ServerType = z.infer<typeof serverTypeSchema>;

export const pricingSchema = z.object({
  pricing: z.object({
    currency: z.string(),
    vat_rate: z.string(),
    volume: z.object({ price_per_gb_month: amount }),
    primary_ips: z.array(
      z.object({
        type: z.string(),
        prices: z.array(z.object({ location: z.string(), price_hourly: amount, price_monthly: amount })),
      }),
    ),
  }),
});
export type Pricing = z.infer<typeof pricingSchema>['pricing'];

const labelled = z.object({ id, name: z.string().nullable(), labels: z.record(z.string(), z.string()) });

export const resourceSchema = labelled;
export const volumeSchema = labelled.extend({
  size: z.number(),
  server: id.nullable(),
  protection: z.object({ delete: z.boolean() }),
});
export const networkSchema = labelled.extend({
  subnets: z.array(z.object({ ip_range: z.string().optional() })),
});
export const serverSchema = labelled.extend({
  server_type: z.object({ name: z.string() }),
  protection: z.object({ delete: z.boolean() }).optional(),
});
export type Resource = z.infer<typeof resourceSchema>;
