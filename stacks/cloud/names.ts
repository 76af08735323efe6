import { createHash } from 'node:crypto';
import type { DeployRequest } from '../target.ts';

/** The parts of a deployment at a provider. A label on each says which it is, so that it is found again without state. */
export const parts = [
  'key',
  'network',
  'subnet',
  'router',
  'gateway',
  'group',
  'interface',
  'firewall',
  'address',
  'address6',
  'volume',
  'attachment',
  'server',
] as const;
export type Part = (typeof parts)[number];

/** Providers with labels that are pairs have these keys; others get `key:value` or `key=value` as one word. */
export const labelKeys = {
  app: 'relocate-app',
  deployment: 'relocate-deployment',
  part: 'relocate-part',
} as const;

export function labelsOf({ app, deployment }: DeployRequest, part: Part): Record<string, string> {
  return {
    [labelKeys.app]: shorten(app),
    [labelKeys.deployment]: shorten(deployment),
    [labelKeys.part]: part,
  };
}

/** What a part is called. The server's name becomes the machine's host name, and is the deployment's own. */
export function partName(
  { deployment }: Pick<DeployRequest, 'deployment'>,
  part: Part,
  maxLength = 63,
): string {
  return shorten(part === 'server' ? deployment : `${deployment}-${part}`, maxLength);
}

/** The same for the same text, and different for different ones: what is cut off stays in a digest. */
export function shorten(text: string, maxLength = 63): string {
  if (text.length <= maxLength) return text;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 8);
  return `${text.slice(0, maxLength - digest.length - 1)}-${digest}`;
}
