import { sanitise } from '../../ui/format.ts';

/** Text that is markup already. Only `html` makes it, so whatever comes from outside is escaped on its way in. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Value = Markup | string | number | undefined | readonly Value[];

/** A template whose values are escaped unless they are markup; lists are joined, undefined is left out. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(strings.reduce((text, part, index) => `${text}${markupOf(values[index - 1])}${part}`));
}

function markupOf(value: Value): string {
  if (value === undefined) return '';
  if (value instanceof Markup) return value.text;
  if (typeof value === 'string') return escapeText(value);
  if (typeof value === 'number') return String(value);
  return value.map(markupOf).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Longer names tell nobody more, and a report must stay a page that can be opened. */
const maxLength = 2000;

/** Fit for element content and quoted attributes. Control and bidirectional characters are shown, as on a terminal. */
function escapeText(text: string): string {
  const shown = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return sanitise(shown).replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
