import { z } from 'zod';
import { hostSchema } from '../hosts/host-schema.ts';
import type { HostOutput } from '../hosts/host.ts';
import { servedSchema } from './databases.ts';
import type { StepState } from './journal.ts';
import { stepIds } from './plan.ts';
import type { DataOutcome, Plan } from './types.ts';

/** What steps leave in the journal for later runs and commands. */

const outcome = z.enum(['passed', 'failed', 'unverified']);

/** Of `provision`: the stack's outputs but for those that are secret. */
export const provisionedSchema = z.object({ hosts: z.array(hostSchema).min(1) });

/** Of `compare:…`. */
export const dataOutcomeSchema: z.ZodType<DataOutcome> = z.object({
  name: z.string(),
  kind: z.string(),
  outcome,
  facts: z.number(),
  differences: z.array(z.object({ fact: z.string(), expected: z.string(), actual: z.string() })),
  detail: z.string(),
  durationMs: z.number(),
});

/** Of `verify`. */
export const verifiedSchema = z.object({ outcome });

export type Steps = ReadonlyMap<string, StepState>;

export function hostFromJournal(steps: Steps): HostOutput | undefined {
  return provisionedSchema.safeParse(resultOf(steps, stepIds.provision)).data?.hosts[0];
}

export function servedFromJournal(steps: Steps, name: string): z.infer<typeof servedSchema> | undefined {
  return servedSchema.safeParse(resultOf(steps, stepIds.database(name))).data;
}

/** What the finished comparisons found, in the order of the plan; also those of an earlier run. */
export function comparedFromJournal(plan: Plan, steps: Steps): DataOutcome[] {
  return plan.steps
    .filter(({ id }) => id.startsWith('compare:'))
    .flatMap(({ id }) => dataOutcomeSchema.safeParse(resultOf(steps, id)).data ?? []);
}

function resultOf(steps: Steps, id: string): unknown {
  const state = steps.get(id);
  return state?.state === 'done' ? state.result : undefined;
}
