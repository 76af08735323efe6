import { readFile } from 'node:fs/promises';
import { connect } from '../../src/postgres/connection.ts';
import { withDatabase } from '../../src/postgres/url.ts';

/** Made by rich-content.sql. */
export const richName = 'Odd "name" = dbname';

/** Makes the awkward database on a server and returns its URL, for the server's superuser. */
export async function makeRichDatabase(adminUrl: string): Promise<string> {
  await using admin = await connect(adminUrl);
  for (const statement of statementsOf(await script('rich-database.sql'))) await admin.execute(statement);
  const url = withDatabase(adminUrl, richName);
  await using inside = await connect(url);
  await inside.execute(await script('rich-content.sql'));
  return url;
}

/** CREATE DATABASE refuses to be one of several. */
const statementsOf = (sql: string): string[] => sql.split(/;\n/).filter((text) => text.trim() !== '');

const script = (name: string): Promise<string> => readFile(new URL(name, import.meta.url), 'utf8');
