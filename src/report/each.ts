import { sanitise } from '../ui/format.ts';

/** What came of one command's work on each of several repositories, as text. Pure. */
export function eachText<T>(
  results: readonly ({ url: string } & (
    { result: T } | { error: { message: string; hint?: string | undefined } }
  ))[],
  text: (result: T) => string,
): string {
  return results
    .map(
      (one) =>
        `${sanitise(one.url)}:\n${indented('result' in one ? text(one.result) : failureText(one.error))}`,
    )
    .join('\n\n');
}

function failureText({ message, hint }: { message: string; hint?: string | undefined }): string {
  return `NOT done: ${sanitise(message)}${hint === undefined ? '' : ` ${sanitise(hint)}`}`;
}

const indented = (text: string): string =>
  text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
