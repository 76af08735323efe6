import { join } from 'node:path';

/** Where a state folder keeps things. Everything below it is for the owner alone: folders 0700, files 0600. */
export const stateLayout = {
  deployments: (stateFolder: string) => join(stateFolder, 'deployments'),
  deployment: (stateFolder: string, name: string) => join(stateFolder, 'deployments', name),
  deployLock: (stateFolder: string, app: string, target: string) =>
    join(stateFolder, 'locks', `deploy-${app}-${target}.lock`),
  snapshotLock: (stateFolder: string, app: string) => join(stateFolder, 'locks', `snapshot-${app}.lock`),
  cutoverLock: (stateFolder: string, app: string) => join(stateFolder, 'locks', `cutover-${app}.lock`),
  cutovers: (stateFolder: string) => join(stateFolder, 'cutovers'),
  /** What the names of an app were before they were changed; outlives deployments. */
  cutover: (stateFolder: string, app: string) => join(stateFolder, 'cutovers', `${app}.json`),
  history: (stateFolder: string) => join(stateFolder, 'history.json'),
  /** Reports outlive their deployments. */
  reports: (stateFolder: string) => join(stateFolder, 'reports'),
};

/** Where a deployment's folder keeps things. The stack's state lies in `pulumi/`, which its engine makes. */
export const deploymentLayout = {
  plan: (folder: string) => join(folder, 'plan.json'),
  journal: (folder: string) => join(folder, 'journal.jsonl'),
  /** Only where the app has several copies; see deployment-keys.ts. */
  keys: (folder: string) => join(folder, 'keys.json'),
  /** Of one source, by its path in the snapshot. */
  scratch: (folder: string, path: string) => join(folder, 'scratch', path),
  reportJson: (folder: string) => join(folder, 'report.json'),
  reportHtml: (folder: string) => join(folder, 'report.html'),
  /** Why the target was given up; see fallback.ts. */
  refused: (folder: string) => join(folder, 'refused.json'),
  /** The default of what the target calls the host's folder. */
  host: (folder: string) => join(folder, 'host'),
};

/** Where a host's folder keeps things. */
export const hostLayout = {
  code: (folder: string) => join(folder, 'code'),
  data: (folder: string, name: string) => join(folder, 'data', name),
  postgres: (folder: string, name: string) => join(folder, 'postgres', name),
  /** Laid over the Compose file of an app that has one. */
  composeOverride: (folder: string) => join(folder, 'compose.override.yaml'),
};

/** The name under which a deployment's images are known to the host's Docker engine. */
export const imageRepository = (deployment: string): string => `relocate/${deployment}`;

/**
 * `guestbook-local-20260131t120000`: sorts by age, is fit for host and stack names (lowercase letters, digits, dashes),
 * and takes a number at its end when `taken` has that name already.
 */
export function deploymentName(app: string, target: string, now: Date, taken: ReadonlySet<string>): string {
  const second = now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').toLowerCase();
  const name = `${app}-${target}-${second}`;
  let unique = name;
  for (let count = 2; taken.has(unique); count += 1) unique = `${name}-${count}`;
  return unique;
}
