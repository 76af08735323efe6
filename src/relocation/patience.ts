import { RelocateError } from '../errors.ts';

/** How long things are waited for that may never happen. RELOCATE_PATIENCE, in seconds, says so for both. */
export interface Patience {
  /** Until a machine that was just made answers. */
  bootMs: number;
  /** While a provider says that it works, and nothing that it was asked for comes to an end. */
  stallMs: number;
}

const usual: Patience = { bootMs: 5 * 60_000, stallMs: 15 * 60_000 };

/** Throws `usage` for anything but a number of seconds. */
export function patience(environment: Readonly<Record<string, string | undefined>> = process.env): Patience {
  const given = environment['RELOCATE_PATIENCE'];
  if (given === undefined || given === '') return usual;
  const ms = Number(given) * 1000;
  if (Number.isFinite(ms) && ms > 0) return { bootMs: ms, stallMs: ms };
  throw new RelocateError('usage', `RELOCATE_PATIENCE is no number of seconds: ${given}`, {
    hint: 'Set it to how long a machine or a provider may take at most, such as 600, or leave it out.',
  });
}
