import { RelocateError } from '../errors.ts';
import { applyPolicy, type KeepPolicy, type PolicyResult } from './forget-policy.ts';
import type { StoredSnapshot } from './types.ts';

/** Snapshots that the policy is applied to together. */
export interface ForgetGroup extends PolicyResult {
  /** Undefined for snapshots that are of no app: other programs made them. */
  app: string | undefined;
  /** Of parts of the app (`--only`): they never count for, or instead of, whole ones. */
  partial: boolean;
}

/** What the policy keeps and removes, app by app. Throws `usage` where an app would be left without any snapshot. */
export function planForget(
  snapshots: readonly StoredSnapshot[],
  policy: KeepPolicy,
  nowMs: number,
): ForgetGroup[] {
  const groups = new Map<
    string,
    { app: string | undefined; partial: boolean; snapshots: StoredSnapshot[] }
  >();
  for (const snapshot of snapshots) {
    const app = appOf(snapshot);
    const partial = snapshot.tags?.includes('partial') ?? false;
    const key = JSON.stringify([app, partial]);
    const group = groups.get(key) ?? { app, partial, snapshots: [] };
    group.snapshots.push(snapshot);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ app, partial, snapshots: own }) => {
    const result = applyPolicy(own, policy, nowMs);
    if (result.keep.length === 0 && !partial) {
      throw new RelocateError(
        'usage',
        `This would leave ${app === undefined ? 'nothing of what other programs saved' : `${app} without any snapshot`}. Nothing was forgotten.`,
        {
          hint: 'Keep at least one, for example with: --keep-last 1 — or name those to forget by their IDs.',
        },
      );
    }
    return { app, partial, ...result };
  });
}

/** The app a snapshot is of, by its tag. */
export function appOf({ tags = [] }: StoredSnapshot): string | undefined {
  if (!tags.includes('relocate')) return undefined;
  return tags.find((tag) => tag.startsWith('app='))?.slice('app='.length);
}
