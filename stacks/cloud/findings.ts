import { RelocateError } from '../../src/errors.ts';
import type { Finding, Price } from '../target.ts';
import { statusOf } from './api.ts';

type More = Partial<Pick<Finding, 'hint' | 'price' | 'roundTripMs'>>;

export const ok = (code: string, message: string, more: More = {}): Finding => ({
  level: 'ok',
  code,
  message,
  ...more,
});

export const warning = (code: string, message: string, hint?: string): Finding => ({
  level: 'warning',
  code,
  message,
  ...(hint === undefined ? {} : { hint }),
});

export const refused = (code: string, message: string, hint?: string): Finding => ({
  level: 'refused',
  code,
  message,
  ...(hint === undefined ? {} : { hint }),
});

/**
 * Runs checks one after the other, each with what the ones before found out. A provider's refusal, or its silence, ends
 * them with one finding more. Errors that are no provider's are thrown.
 */
export async function collect(
  check: (add: (...found: Finding[]) => void) => Promise<void>,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  try {
    await check((...found) => {
      findings.push(...found);
    });
  } catch (error) {
    if (!(error instanceof RelocateError) || error.code !== 'provision-failed') throw error;
    findings.push(refused(codeOf(error), error.message, error.hint));
  }
  return findings;
}

function codeOf(error: RelocateError): string {
  const status = statusOf(error);
  if (status === 401) return 'credentials';
  if (status === 403) return 'permissions';
  return 'provider';
}

const hoursPerMonth = 730;

/** What comes by the month, told by the hour as well, and the other way round. */
export function priceOf(
  currency: string,
  { perHour = 0, perMonth = 0 }: { perHour?: number; perMonth?: number },
): Price {
  return {
    currency,
    perHour: round(perHour + perMonth / hoursPerMonth, 5),
    perMonth: round(perMonth + perHour * hoursPerMonth, 2),
  };
}

export function priceFinding(price: Price, note: string): Finding {
  const { currency, perHour, perMonth } = price;
  return ok(
    'price',
    `about ${perMonth.toFixed(2)} ${currency} a month, ${perHour.toFixed(4)} an hour (${note})`,
    {
      price,
    },
  );
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

export function distanceFinding(provider: string, roundTripMs: number): Finding {
  const rounded = Math.round(roundTripMs);
  return ok('distance', `the API of ${provider} answers in ${rounded} ms`, { roundTripMs: rounded });
}

/** `a, b and 3 more`: lists of what exists can be long. */
export function listed(names: readonly string[], most = 12): string {
  if (names.length <= most) return names.join(', ');
  return `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
}
