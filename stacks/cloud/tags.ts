import type { DeployRequest, Labelled } from '../target.ts';
import { readLabels, type Labels } from './inventory.ts';
import { labelKeys, labelsOf, partName, parts, shorten, type Part } from './names.ts';

/** For providers whose tags are words: `relocate-app:guestbook`. */
export function tagsOf(request: DeployRequest, part: Part): string[] {
  return Object.entries(labelsOf(request, part)).map(([key, value]) => `${key}:${value}`);
}

/** The tag that everything of a deployment, or of an app, has. */
export function tagFor(which: Labelled): string {
  return 'deployment' in which
    ? `${labelKeys.deployment}:${shorten(which.deployment)}`
    : `${labelKeys.app}:${shorten(which.app)}`;
}

/** As `readLabels`. */
export function readTags(tags: readonly string[], which: Labelled): ReturnType<typeof readLabels> {
  const labels: Labels = Object.fromEntries(
    tags.map((tag) => [tag.slice(0, tag.indexOf(':')), tag.slice(tag.indexOf(':') + 1)]),
  );
  return readLabels(labels, which);
}

/**
 * Of what can have a name only: it is the deployment's when it is called exactly as we call it. The app is not known from
 * it, nor can anything be found this way that is asked for by its app.
 */
export function readName(
  name: string,
  which: Labelled,
  maxLength?: number,
): { app: string; deployment: string; part: Part } | undefined {
  if (!('deployment' in which)) return undefined;
  const { deployment } = which;
  const part = parts.find((one) => partName({ deployment }, one, maxLength) === name);
  return part === undefined ? undefined : { app: '', deployment, part };
}
