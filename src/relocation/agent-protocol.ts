import { z } from 'zod';
import { RelocateError } from '../errors.ts';
import type { StackOutputs } from '../../stacks/target.ts';
import type { HostOutput } from '../hosts/host.ts';
import type { ServiceState } from '../hosts/service.ts';
import { servedSchema, type ServedDatabase } from './databases.ts';
import { databaseSecrets } from './databases.ts';
import { hostOfWork, type HostWork } from './deploy-work.ts';
import type { HandedRepository } from './handover.ts';
import { dataOutcomeSchema } from './results.ts';
import type { SavedApp } from './saved-app.ts';
import type { Plan } from './types.ts';

/** What an agent is told when it begins. Holds secrets: it goes through the channel, and nowhere else. */
export interface OpenParams {
  plan: Plan;
  saved: SavedApp;
  /** With this machine for its host, for that is what the host is to the agent. */
  outputs: StackOutputs;
  served: [name: string, served: ServedDatabase][];
  /** Those of `deriveSecret` that the steps on the host ask for, by purpose: no others can be derived from them. */
  secrets: Record<string, string>;
  repositories: { url: string; password: string }[];
  deploys: boolean;
}

export async function openParams(
  work: HostWork & { handover: readonly HandedRepository[] },
  deploys: boolean,
): Promise<OpenParams> {
  const { plan, saved, served, outputs, deriveSecret } = work;
  const databases = work.places.data.filter(({ kind }) => kind === 'postgres').map(({ name }) => name);
  const purposes = databases.flatMap((name) => databaseSecrets(plan.deployment, name));
  const repositories = work.handover.map(async ({ url, password }) => ({ url, password: await password() }));
  return {
    plan,
    saved,
    outputs: { ...outputs, hosts: [seenFromItself(hostOfWork(work))] },
    served: [...served],
    secrets: Object.fromEntries(purposes.map((purpose) => [purpose, deriveSecret(purpose)])),
    repositories: await Promise.all(repositories),
    deploys,
  };
}

/** Pure. Databases and checks are for the host alone: they go over its loopback. */
export function seenFromItself(host: HostOutput): HostOutput {
  return { ...host, address: '127.0.0.1', publicAddress: host.address, transport: { kind: 'local' } };
}

const outcome = z.enum(['passed', 'failed', 'unverified']);
const checkSchema = z.object({ title: z.string(), outcome, detail: z.string(), durationMs: z.number() });
const serviceSchema = z.object({
  name: z.string(),
  state: z.enum(['running', 'backing-off', 'crash-looping', 'unsupervised', 'stopped']),
  pid: z.number().optional(),
  supervisorPid: z.number().optional(),
  restarts: z.number(),
  since: z.string().optional(),
  lastExit: z.string().optional(),
  logPath: z.string(),
});

/** What the host says is checked as all that comes from outside. */
export const answerOf = {
  served: checked(servedSchema),
  compared: checked(dataOutcomeSchema),
  started: checked(z.object({ pid: z.number().exactOptional() })),
  checked: checked(z.array(checkSchema)),
  certificates: checked(
    z.array(
      z.object({
        subject: z.string(),
        state: z.enum(['there', 'refused', 'waiting']),
        reason: z.string().exactOptional(),
        isUnproved: z.boolean().exactOptional(),
      }),
    ),
  ),
  services: (answer: unknown): ServiceState[] =>
    checked(z.array(serviceSchema))(answer).map(({ pid, supervisorPid, since, lastExit, ...rest }) => ({
      ...rest,
      pid,
      supervisorPid,
      since,
      lastExit,
    })),
};

function checked<T>(schema: z.ZodType<T>): (answer: unknown) => T {
  return (answer) => {
    const { data, success } = schema.safeParse(answer);
    if (success) return data;
    throw new RelocateError('host-failed', 'The agent’s answer is not as relocate’s agent gives it.');
  };
}
