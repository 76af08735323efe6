import type { DestroyResult } from '../relocation/destroy.ts';
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
