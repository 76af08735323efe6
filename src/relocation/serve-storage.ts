import { z } from 'zod';
import { RelocateError } from '../errors.ts';
import type { Handler } from '../hosts/agent/peer.ts';
import type { Storage } from '../storage/storage.ts';
import type { HandedRepository } from './handover.ts';

/** A file is fetched at once; a clock that goes wrong has its minutes too. */
const linkValidMs = 60 * 60_000;

const file = z.object({
  type: z.enum(['config', 'key', 'lock', 'snapshot', 'index', 'pack']),
  name: z.string(),
});
const paramsSchema = z.object({
  /** Of the repositories that were handed over, by number. */
  at: z.number().int(),
  file: file.exactOptional(),
  range: z.object({ offset: z.number(), length: z.number() }).exactOptional(),
  type: file.shape.type.exactOptional(),
});

/**
 * Reads files of the repositories for an agent, or gives it links by which it fetches them itself. It may do no more: a host that somebody else
 * came into shall not be a way to harm what the app is brought back from.
 */
export function serveStorages(handed: readonly HandedRepository[]): {
  handlers: Record<string, Handler>;
  close(): Promise<void>;
} {
  const opened = new Map<number, Promise<Storage>>();
  const storageAt = (at: number): Promise<Storage> => {
    const repository = handed[at];
    if (repository === undefined) throw new RelocateError('internal', 'There is no such repository.');
    const opening = opened.get(at) ?? repository.openStorage();
    opened.set(at, opening);
    return opening;
  };
  const handler =
    (work: (storage: Storage, params: z.infer<typeof paramsSchema>) => ReturnType<Handler>): Handler =>
    async (given) => {
      const params = paramsSchema.parse(given);
      return work(await storageAt(params.at), params);
    };
  return {
    handlers: {
      'storage.load': handler(async (storage, { file: wanted, range }) => ({
        body: await storage.load(fileOf(wanted), range),
      })),
      'storage.size': handler(async (storage, { file: wanted }) => ({
        result: (await storage.size(fileOf(wanted))) ?? null,
      })),
      'storage.link': handler(async (storage, { file: wanted }) => ({
        result: (await storage.linkTo?.(fileOf(wanted), linkValidMs)) ?? null,
      })),
      'storage.list': handler(async (storage, { type }) => ({ result: await storage.list(type ?? 'key') })),
    },
    async close() {
      for (const opening of opened.values()) await (await opening.catch(() => undefined))?.close();
    },
  };
}

function fileOf(wanted: z.infer<typeof file> | undefined): z.infer<typeof file> {
  if (wanted === undefined) throw new RelocateError('internal', 'No file was named.');
  return wanted;
}
