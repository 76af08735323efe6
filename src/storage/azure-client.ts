import type { ContainerClient } from '@azure/storage-blob';
import { RelocateError } from '../errors.ts';
import type { NamedPlace } from './storage-place.ts';

/** Of silence, not of a whole transfer. */
const requestTimeoutMs = 15 * 60_000;
const defaultSuffix = 'core.windows.net';

/**
 * A client of the place’s container, by what restic or Azure’s own tools find in the environment: a connection string
 * (which may name any address), else an account with its key, with a SAS, or by whoever is logged in. Throws `usage`.
 */
export async function openContainer({ name, url }: NamedPlace): Promise<ContainerClient> {
  const sdk = await import('@azure/storage-blob');
  // Retries are the business of one place, which tells the person that they happen.
  const options = { retryOptions: { maxTries: 1, tryTimeoutInMs: requestTimeoutMs } };
  const connection = setting('AZURE_STORAGE_CONNECTION_STRING');
  const account = setting('AZURE_ACCOUNT_NAME', 'AZURE_STORAGE_ACCOUNT');
  if (account === undefined && connection !== undefined) {
    try {
      return sdk.BlobServiceClient.fromConnectionString(connection, options).getContainerClient(name);
    } catch (cause) {
      throw new RelocateError('usage', 'AZURE_STORAGE_CONNECTION_STRING cannot be read.', { cause });
    }
  }
  if (account === undefined)
    throw new RelocateError('usage', `Nothing says in which account ${url} lies.`, {
      hint: 'Set AZURE_ACCOUNT_NAME with AZURE_ACCOUNT_KEY or AZURE_ACCOUNT_SAS, or AZURE_STORAGE_CONNECTION_STRING.',
    });
  const address = `https://${account}.blob.${setting('AZURE_ENDPOINT_SUFFIX') ?? defaultSuffix}/${name}`;
  const key = setting('AZURE_ACCOUNT_KEY', 'AZURE_STORAGE_KEY');
  if (key !== undefined)
    return new sdk.ContainerClient(address, new sdk.StorageSharedKeyCredential(account, key), options);
  const sas = setting('AZURE_ACCOUNT_SAS', 'AZURE_STORAGE_SAS_TOKEN');
  if (sas !== undefined)
    return new sdk.ContainerClient(`${address}?${sas.replace(/^\?/, '')}`, undefined, options);
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new sdk.ContainerClient(address, new DefaultAzureCredential(), options);
}

/** restic’s name of it first, then that of Azure’s own tools. */
function setting(...names: string[]): string | undefined {
  return names.map((name) => process.env[name]).find((value) => value !== undefined && value !== '');
}
