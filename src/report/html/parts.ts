import type { Outcome } from '../../relocation/types.ts';
import { formatTime } from '../../ui/format.ts';
import { html, type Markup } from './markup.ts';

/** Pieces that reports are put together from. */

export type Tone = 'good' | 'bad' | 'unsure' | 'plain';

const marks: Readonly<Record<Tone, string>> = { good: '✔', bad: '✖', unsure: '?', plain: '·' };

/** A word with a mark and a colour, of which the word alone is enough. */
export function badge(tone: Tone, word: string): Markup {
  return html`<span class="badge ${tone}"><span aria-hidden="true">${marks[tone]} </span>${word}</span>`;
}

const outcomes: Readonly<Record<Outcome, { tone: Tone; word: string }>> = {
  passed: { tone: 'good', word: 'passed' },
  failed: { tone: 'bad', word: 'failed' },
  unverified: { tone: 'unsure', word: 'not verified' },
};

export function outcomeBadge(outcome: Outcome): Markup {
  return badge(outcomes[outcome].tone, outcomes[outcome].word);
}

/** A moment for people and, in `datetime`, for programs. What cannot be read as a time is shown as it is. */
export function time(moment: string): Markup {
  const date = new Date(moment);
  if (Number.isNaN(date.getTime())) return html`${moment}`;
  return html`<time datetime="${date.toISOString()}">${formatTime(moment)}</time>`;
}

export function code(text: string): Markup {
  return html`<code>${text}</code>`;
}

export function section(id: string, title: string, content: Markup | readonly Markup[]): Markup {
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}">${title}</h2>
    ${content}
  </section> `;
}

export interface Column {
  title: string;
  /** Numbers stand to the right, so that they can be compared. */
  number?: boolean;
  /** Stands in the column's heading beside its title, as an axis does. */
  scale?: Markup;
}

/** The first cell of a row is its heading. On a narrow screen a row becomes a block, each cell behind its column's title. */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Markup[])[],
): Markup {
  return html`<table role="table">
    <caption>
      ${caption}
    </caption>
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map(
          ({ title, number, scale }) =>
            html`<th scope="col" role="columnheader" ${number ? html` class="number"` : undefined}>
              ${scale ? html`<span class="unseen">${title}</span>${scale}` : title}
            </th>`,
        )}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map(
        (row) =>
          html`<tr role="row">
            ${row.map((cell, at) => cellOf(cell, columns[at], at))}
          </tr> `,
      )}
    </tbody>
  </table>`;
}

// Roles are spelled out: a table that is laid out as blocks loses them in some browsers.
function cellOf(cell: Markup, column: Column | undefined, at: number): Markup {
  if (at === 0) return html`<th scope="row" role="rowheader">${cell}</th>`;
  return html`<td
    role="cell"
    data-title="${column?.title}"
    ${column?.number ? html` class="number"` : undefined}
  >
    ${cell}
  </td>`;
}

/** Names and what they are, as pairs; those without a value are left out. */
export function facts(pairs: readonly (readonly [name: string, value: Markup | undefined])[]): Markup {
  const known = pairs.filter(([, value]) => value !== undefined);
  return html`<dl class="facts">
    ${known.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div> `,
    )}
  </dl>`;
}
