import { RelocateError } from '../errors.ts';

/** One complaint of the engine, or of a provider through it. */
export interface Diagnostic {
  urn?: string | undefined;
  message: string;
}

/** The engine says these of every failure; they tell nothing. */
const empty = /^(update|preview|refresh|destroy) failed$|^resource .* has a problem|^$/i;

/**
 * Pure: what a failed update comes down to. `secrets` are struck out wherever they appear; the engine masks its own,
 * but a provider may quote what it was given.
 */
export function condense(
  action: string,
  diagnostics: readonly Diagnostic[],
  raw: string,
  secrets: readonly string[],
): RelocateError {
  const told = diagnostics
    .map(({ urn, message }) => ({ resource: resourceName(urn), message: plain(message) }))
    .filter(({ message }) => !empty.test(message));
  const first = told[0] ?? { resource: undefined, message: lastLine(raw) };
  const where = first.resource === undefined ? '' : ` at ${first.resource}`;
  const message = strike(`${action} failed${where}: ${first.message}`, secrets);

  if (/incorrect passphrase|message authentication failed/i.test(`${raw} ${first.message}`)) {
    return new RelocateError('wrong-password', "The passphrase does not open the stack's state", {
      hint: 'Nothing was changed. Use the passphrase that the deployment was made with.',
    });
  }
  return new RelocateError('provision-failed', message, {
    facts: { resource: first.resource, problems: told.length },
    hint: 'What was made so far is written down: deploy again with --resume, or destroy it.',
    retryable: true,
  });
}

/** Pure: the last part of urn:pulumi:STACK::PROJECT::TYPE::NAME; the stack itself is no resource to name. */
export function resourceName(urn: string | undefined): string | undefined {
  const [, , type, name] = urn?.split('::') ?? [];
  return type === 'pulumi:pulumi:Stack' ? undefined : name;
}

/** Without the engine's colour tags, stack traces and repeated blanks; the first sentence of a wrapped error stays. */
function plain(message: string): string {
  return (
    message
      .replaceAll(/<\{%[^%]*%\}>/g, '')
      .split('\n')
      .filter((line) => !/^\s+at /.test(line))
      .join(' ')
      .replaceAll(/\s+/g, ' ')
      .replace(/^error: /, '')
      // What a stack's program threw; the sentence after it is made for people.
      .replace(/^Unhandled exception: RelocateError: /, '')
      .trim()
  );
}

function lastLine(raw: string): string {
  const lines = raw.split('\n').map(plain);
  return lines.findLast((line) => line !== '' && !empty.test(line)) ?? 'the engine gave no reason';
}

function strike(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length >= 4)
    .reduce((kept, secret) => kept.replaceAll(secret, '…'), text);
}
