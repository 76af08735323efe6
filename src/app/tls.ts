import { resolve } from 'node:path';
import { z } from 'zod';
import type { Tls } from './app.ts';
import type { ParseContext } from './context.ts';
import type { Problem } from './problems.ts';
import { placeOf, type PlacedValue } from './read-yaml.ts';

/** The key `tls` of relocate.yaml. */

export function tlsItem({ path }: { path: z.ZodString }) {
  return z.strictObject({
    acme: z
      .strictObject({
        directory: z
          .string()
          .max(2048)
          .regex(/^https:\/\/[^\s"\\{}]+$/, { error: 'must be a URL that begins with "https://"' })
          .optional()
          .describe('URL of the authority’s ACME directory. Default: Let’s Encrypt’s.'),
        root: path
          .optional()
          .describe(
            'Certificates (PEM) by which the authority is trusted, where the system does not trust it.',
          ),
        email: z
          .string()
          .max(254)
          .regex(/^[^\s"\\{}@]+@[^\s"\\{}@]+$/, { error: 'must be an e-mail address' })
          .optional()
          .describe('Where the authority writes to.'),
        address: z
          .boolean()
          .optional()
          .describe('Also a certificate for the bare IP address. Default: true where a directory is given.'),
      })
      .describe('The authority that gives certificates, by ACME.'),
  });
}

export type TlsDraft = z.output<ReturnType<typeof tlsItem>>;

const certificate = /-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----/g;

/** With the text of the root's file; what is wrong with that is reported. */
export async function readTls(
  draft: TlsDraft | undefined,
  placed: PlacedValue,
  problems: Problem[],
  { folder, readFile }: ParseContext,
): Promise<Tls | undefined> {
  if (draft === undefined) return undefined;
  const { directory, root, email, address = directory !== undefined } = draft.acme;
  const acme = {
    ...(directory === undefined ? {} : { directory }),
    ...(email === undefined ? {} : { email }),
    address,
  };
  if (root === undefined) return { acme };
  const rootPath = resolve(folder, root);
  const text = await readFile(rootPath);
  // Certificates alone: whatever else is in the file, such as a key, is none of a host's business.
  const rootPem = text?.match(certificate)?.join('\n');
  if (rootPem !== undefined) return { acme: { ...acme, rootPath, rootPem } };
  const { start, end, broken } = placeOf(placed.places, ['tls', 'acme', 'root']);
  const message =
    text === undefined ? `there is no file ${rootPath}` : `${rootPath} holds no certificate (PEM)`;
  if (!broken) problems.push({ message, start, end });
  return { acme };
}
