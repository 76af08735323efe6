import type { ZodType } from 'zod';
import type { DeployRequest, Finding, Labelled, Target } from '../target.ts';
import { plain, removeAll, type Found } from './inventory.ts';
import { folderOnMachine } from './machine.ts';

export interface ProviderParts<Options> {
  name: string;
  summary: string;
  options: ZodType<Options>;
  preflight: (options: Options, request: DeployRequest, signal?: AbortSignal) => Promise<Finding[]>;
  program: (options: Options, request: DeployRequest) => Promise<() => Promise<Record<string, unknown>>>;
  /** In an order in which it can be removed. Changes nothing. */
  find: (options: Options, which: Labelled, signal?: AbortSignal) => Promise<Found[]>;
}

/** What all targets at providers do alike. */
export function providerTarget<Options>({ find, ...parts }: ProviderParts<Options>): Target<Options> {
  return {
    ...parts,
    opensPorts: true,
    folderFor: folderOnMachine,
    async sweep(options, { deployment }, signal) {
      await removeAll(await find(options, { deployment }, signal), signal);
    },
    async inventory(options, which, signal) {
      return plain(await find(options, which, signal));
    },
  };
}
