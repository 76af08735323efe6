import type { Props } from './kind.ts';

/**
 * The engine hands secrets over wrapped, and takes what comes back without a wrapping for no secret: it would lie in the
 * stack's state in clear. (pulumi/sdk, resource.SigKey and resource.SecretSig)
 */
const mark = '4dabf18193072939515e22adb298388d';
const secretMark = '1b47061264138c4ac30d75fd1eb44270';

function isSecret(value: unknown): value is { value: unknown } {
  return typeof value === 'object' && value !== null && (value as Props)[mark] === secretMark;
}

/** Without any wrappings, however deep. */
export function reveal(value: unknown): unknown {
  if (isSecret(value)) return reveal(value.value);
  if (Array.isArray(value)) return value.map(reveal);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, reveal(inner)]));
}

export function revealAll(props: Props | undefined): Props {
  return reveal(props ?? {}) as Props;
}

function holdsSecret(value: unknown): boolean {
  if (isSecret(value)) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsSecret);
}

/** `props`, where each is a secret that is one, or holds one, in `like`. */
export function concealAs(like: Props, props: Props): Props {
  const conceal = ([key, value]: [string, unknown]) =>
    holdsSecret(like[key]) ? [key, { [mark]: secretMark, value }] : [key, value];
  return Object.fromEntries(Object.entries(props).map((entry) => conceal(entry)));
}
