import { invalidInput } from './errors.ts';
import type { Labels } from './state.ts';
import { ok, type Reply } from './world.ts';

const largestPage = 50;
const defaultPage = 25;

/** One page of a list, with where it stands. */
export function listReply(collection: string, all: readonly unknown[], query: URLSearchParams): Reply {
  const page = positive(query, 'page', 1);
  const per_page = Math.min(positive(query, 'per_page', defaultPage), largestPage);
  const lastPage = Math.max(1, Math.ceil(all.length / per_page));
  const pagination = {
    page,
    per_page,
    previous_page: page > 1 ? page - 1 : null,
    next_page: page < lastPage ? page + 1 : null,
    last_page: lastPage,
    total_entries: all.length,
  };
  return ok({ [collection]: all.slice((page - 1) * per_page, page * per_page), meta: { pagination } });
}

function positive(query: URLSearchParams, name: string, fallback: number): number {
  const text = query.get(name);
  if (text === null) return fallback;
  if (!/^[1-9]\d*$/.test(text)) throw invalidInput(name, 'must be a positive number');
  return Number(text);
}

/** Those that the query's `name` and `label_selector` are about, sorted as it asks (`sort=name:desc`). */
export function select<T extends { name: string; labels?: Labels }>(
  all: readonly T[],
  query: URLSearchParams,
): T[] {
  const name = query.get('name');
  const selector = query.get('label_selector');
  const fits = selector === null ? () => true : labelSelector(selector);
  const chosen = all.filter((one) => (name === null || one.name === name) && fits(one.labels ?? {}));
  return query.getAll('sort').reduceRight((sorted, order) => sortBy(sorted, order), chosen);
}

function sortBy<T>(all: readonly T[], order: string): T[] {
  const [key = '', direction = 'asc'] = order.split(':');
  const sign = direction === 'desc' ? -1 : 1;
  const value = (one: T) => (one as Record<string, string | number>)[key] ?? '';
  return all.toSorted((a, b) => (value(a) < value(b) ? -sign : Number(value(a) > value(b)) * sign));
}

/**
 * `key=value`, `key==value`, `key!=value`, `key`, `!key`, `key in (a,b)`, `key notin (a,b)`, joined by commas. Returns
 * what says whether labels fit. Throws `invalid_input`.
 */
export function labelSelector(text: string): (labels: Labels) => boolean {
  const terms = text.split(/,(?![^(]*\))/).map((term) => term.trim());
  const tests = terms.filter((term) => term !== '').map(termTest);
  return (labels) => tests.every((test) => test(labels));
}

const termPattern =
  /^(?<not>!)?(?<key>[\w./-]+)(?:\s*(?<sign>==|!=|=)\s*(?<value>[\w.-]*)|\s+(?<word>in|notin)\s*\((?<list>[^)]*)\))?$/;

function termTest(term: string): (labels: Labels) => boolean {
  const parts = termPattern.exec(term)?.groups;
  const key = parts?.['key'];
  if (parts === undefined || key === undefined)
    throw invalidInput('label_selector', `can't be understood: ${term}`);
  const { not, sign, value = '', word, list = '' } = parts;
  if (not !== undefined) return (labels) => !(key in labels);
  if (sign === '!=') return (labels) => labels[key] !== value;
  if (sign !== undefined) return (labels) => labels[key] === value;
  const values = list.split(',').map((one) => one.trim());
  if (word === 'in') return (labels) => key in labels && values.includes(labels[key] ?? '');
  if (word === 'notin') return (labels) => !(key in labels && values.includes(labels[key] ?? ''));
  return (labels) => key in labels;
}
