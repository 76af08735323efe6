import type { DestroyResult } from '../relocation/destroy.ts';
import type { Adoptable, Adopted } from '../relocation/adopt.ts';
import { formatDuration, sanitise } from '../ui/format.ts';

/** `reports`: the folder where reports outlive their deployments. */
export function destroyText({ destroyed }: DestroyResult, reports: string): string {
  return [
    ...destroyed.map(
      ({ deployment, durationMs }) => `Destroyed ${sanitise(deployment)} in ${formatDuration(durationMs)}.`,
    ),
    `The repository was not touched. Reports are kept in ${sanitise(reports)}`,
  ].join('\n');
}

/** What there is at a provider, for whoever has to choose. */
export function adoptableText({ deployments }: Adoptable, target: string): string {
  if (deployments.length === 0) return `At ${target} nothing carries the labels of this app.`;
  return [
    ...deployments.flatMap(({ deployment, isKnown, resources }) => [
      `${sanitise(deployment)}${isKnown ? ', known on this machine' : ''}`,
      ...resources.map(({ kind, name, id }) => `  ${kind} ${sanitise(name)} (${sanitise(id)})`),
    ]),
    'Nothing was removed. To remove one of them with its data, whoever made it:',
    `  relocate destroy --adopt --to ${target} --deployment NAME`,
  ].join('\n');
}

export function adoptedText({ deployment, removed }: Adopted): string {
  return `Removed ${removed.length} things of ${sanitise(deployment)}: ${removed
    .map(({ kind, name }) => `${kind} ${sanitise(name)}`)
    .join(', ')}.\nThe repository was not touched.`;
}
