import type { Destination, Fingerprint, SavedSource, SourceContext } from '../sources/source.ts';
import { listTables, readSequences } from './catalog.ts';
import { readDetails } from './details.ts';
import { takeFingerprint } from './fingerprint.ts';
import { pinMoment } from './session.ts';
import { parseUrl, withDatabase } from './url.ts';

/** The administrator reads everything, also what the app's role is kept from by policies. */
export async function fingerprintDatabase(
  saved: SavedSource,
  destination: Extract<Destination, { kind: 'postgres' }>,
  context: SourceContext,
): Promise<Fingerprint> {
  const { digests } = readDetails(saved.details);
  const url = withDatabase(destination.adminUrl, parseUrl(destination.url).database);
  await using moment = await pinMoment(url, { failure: 'verify-failed', signal: context.signal });
  const { fingerprint } = await takeFingerprint(moment, {
    tables: await listTables(moment.connection),
    sequences: await readSequences(moment.connection),
    jobs: 2,
    digests,
    signal: context.signal,
  });
  return fingerprint;
}
