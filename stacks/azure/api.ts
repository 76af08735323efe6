import { z } from 'zod';
import { RelocateError } from '../../src/errors.ts';
import { makeApi, requiredVariable, type Api } from '../cloud/api.ts';
import { readLabels, type Found } from '../cloud/inventory.ts';
import { labelKeys, shorten } from '../cloud/names.ts';
import type { Labelled } from '../target.ts';

/** https://learn.microsoft.com/rest/api/azure/; the shapes are the parts that are read here. */
export const provider = 'Azure';

export function azureEndpoint(): string {
  return (process.env['AZURE_RESOURCE_MANAGER_URL'] ?? 'https://management.azure.com').replace(/\/+$/, '');
}

const hint =
  'Set ARM_SUBSCRIPTION_ID, ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET to a service principal with the role Contributor.';
const refusalBody = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** Paths are below the subscription. Throws `provision-failed` where a variable is not set, or the login is refused. */
export async function azureApi(signal?: AbortSignal): Promise<Api> {
  const subscription = requiredVariable(provider, 'ARM_SUBSCRIPTION_ID', hint);
  const token = await logIn(signal);
  return makeApi({
    provider,
    endpoint: `${azureEndpoint()}/subscriptions/${encodeURIComponent(subscription)}`,
    headers: () => ({ authorization: `Bearer ${token}` }),
    explain: (body) => {
      const { code: reason, message } = refusalBody.safeParse(body).data?.error ?? {};
      return { reason, message };
    },
    credentialsHint: hint,
  });
}

const tokenBody = z.object({ access_token: z.string() });
const loginTimeoutMs = 20_000;

/** As a service principal: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow */
async function logIn(signal: AbortSignal | undefined): Promise<string> {
  const tenant = requiredVariable(provider, 'ARM_TENANT_ID', hint);
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: requiredVariable(provider, 'ARM_CLIENT_ID', hint),
    client_secret: requiredVariable(provider, 'ARM_CLIENT_SECRET', hint),
    scope: 'https://management.azure.com/.default',
  });
  const host = (process.env['AZURE_AUTHORITY_HOST'] ?? 'https://login.microsoftonline.com').replace(
    /\/+$/,
    '',
  );
  let response: Response;
  try {
    response = await fetch(`${host}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`, {
      method: 'POST',
      body: form,
      signal: AbortSignal.any([
        AbortSignal.timeout(loginTimeoutMs),
        ...(signal === undefined ? [] : [signal]),
      ]),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw new RelocateError('provision-failed', `${provider} cannot be reached to log in`, {
      facts: { provider, endpoint: host },
      hint: 'Look at the network of this machine, or choose another target.',
      retryable: true,
      cause: error,
    });
  }
  const parsed = tokenBody.safeParse(await response.json().catch(() => ({})));
  if (parsed.success) return parsed.data.access_token;
  throw new RelocateError('provision-failed', `${provider} refuses the login (${response.status})`, {
    facts: { provider, status: 401 },
    hint,
  });
}

const version = { 'api-version': '2021-04-01' };
const tags = z.record(z.string(), z.string()).nullish();
const groups = z.object({ value: z.array(z.object({ id: z.string(), name: z.string(), tags })) });
const resources = z.object({
  value: z.array(z.object({ id: z.string(), name: z.string(), type: z.string(), tags })),
});

/** All of a deployment lies in one resource group; with that it goes, at once. */
export async function findAll(api: Api, which: Labelled, signal?: AbortSignal): Promise<Found[]> {
  const [key, value] =
    'deployment' in which
      ? [labelKeys.deployment, shorten(which.deployment)]
      : [labelKeys.app, shorten(which.app)];
  const filter = `tagName eq '${key}' and tagValue eq '${value}'`;
  const { value: all } = await api.ask(groups, '/resourcegroups', { ...version, $filter: filter }, signal);
  return all.flatMap(({ id, name, tags }): Found[] => {
    const labels = readLabels(tags ?? {}, which);
    const path = `/resourcegroups/${encodeURIComponent(name)}?${new URLSearchParams(version).toString()}`;
    const remove = () => api.send('DELETE', path, undefined, signal);
    return labels === undefined ? [] : [{ kind: 'resource group', id, name, ...labels, remove }];
  });
}

/** What is in the deployment's group, part by part, so that it can be taken over. */
export async function findParts(api: Api, group: Found | undefined): Promise<Found[]> {
  if (group === undefined) return [];
  const path = `/resourceGroups/${encodeURIComponent(group.name)}/resources`;
  const { value: all } = await api.ask(resources, path, version);
  return all.flatMap(({ id, name, type, tags }): Found[] => {
    const labels = readLabels(tags ?? {}, { deployment: group.deployment });
    return labels === undefined ? [] : [{ kind: type, id, name, ...labels, remove: group.remove }];
  });
}
