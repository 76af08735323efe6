import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeImages, stopCompose } from '../hosts/compose.ts';
import { runLocally } from '../hosts/local.ts';
import { listServices, stopService } from '../hosts/supervisor.ts';
import { databaseService, strayClusters } from './databases.ts';
import { imageRepository } from './layout.ts';
import type { Plan } from './types.ts';

/** Also those that a killed deploy had started and not yet written down. Services go before their databases. */
export async function stopServices(plan: Plan, signal: AbortSignal): Promise<void> {
  if (plan.composeFile !== undefined && existsSync(plan.folder)) {
    const project = { name: plan.deployment, file: plan.composeFile };
    await stopCompose({ run: runLocally }, project, { signal });
    await removeImages({ run: runLocally }, imageRepository(plan.deployment), { signal });
  }
  // The supervisor makes this folder before it starts anything; asking it for nothing would leave one behind.
  if (!existsSync(join(plan.folder, 'run'))) return;
  const databases = namesOf(plan, 'database').map(databaseService);
  const services = namesOf(plan, 'start').filter(
    (name) => plan.composeFile === undefined || name !== 'compose',
  );
  const recorded = (await listServices(plan.folder)).map(({ name }) => name);
  for (const name of new Set([
    ...services.toReversed(),
    ...recorded.filter((one) => !databases.includes(one)),
    ...databases,
  ])) {
    signal.throwIfAborted();
    await stopService(plan.folder, name);
  }
}

/** Folders of the deployment's own clusters outside of its folder. Asked before that goes, because the answer depends on it. */
export function clustersOutside(plan: Plan): Promise<string[]> {
  return strayClusters(plan.folder, namesOf(plan, 'database'));
}

export async function removeCluster(dataFolder: string): Promise<void> {
  for (const path of [dataFolder, `${dataFolder}.new`]) await rm(path, { recursive: true, force: true });
}

/** Names after a step's kind in its ID: `database:db` has `db`. */
export function namesOf({ steps }: Plan, kind: 'database' | 'start'): string[] {
  const prefix = `${kind}:`;
  return steps.flatMap(({ id }) => (id.startsWith(prefix) ? [id.slice(prefix.length)] : []));
}
