/** Numbers, times and names as people read them. Pure, and cheap to import. */

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** What cannot have been measured is not shown as a number. */
const unknown = 'unknown';

/** Binary units with one decimal: `1.4 GiB`; below one KiB exact: `812 B`. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return unknown;
  let value = Math.abs(bytes);
  let unit = 0;
  while (unit < byteUnits.length - 1 && (unit === 0 ? value >= 1024 : Math.round(value * 10) >= 10_240)) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 ? String(Math.round(value)) : value.toFixed(1);
  return `${bytes < 0 ? '-' : ''}${digits} ${byteUnits[unit] ?? ''}`;
}

export function formatRate(bytesPerSecond: number): string {
  return Number.isFinite(bytesPerSecond) ? `${formatBytes(bytesPerSecond)}/s` : unknown;
}

/** `850 ms`, `1.2 s`, `42 s`, `2 min 03 s`, `1 h 05 min`, `3 d 04 h`. A second unit of zero is left out. */
export function formatDuration(durationMs: number): string {
  if (!Number.isFinite(durationMs)) return unknown;
  const ms = Math.max(0, durationMs);
  if (Math.round(ms) < 1000) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return twoUnits(seconds, 60, 'min', 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return twoUnits(minutes, 60, 'h', 'min');
  return twoUnits(Math.round(minutes / 60), 24, 'd', 'h');
}

function twoUnits(count: number, perUnit: number, unit: string, smallerUnit: string): string {
  const rest = count % perUnit;
  const whole = `${Math.floor(count / perUnit)} ${unit}`;
  return rest === 0 ? whole : `${whole} ${String(rest).padStart(2, '0')} ${smallerUnit}`;
}

/** One unit only: `3 h`, `12 min`. For ages and estimates, where a second unit would promise too much. */
export function formatRough(durationMs: number): string {
  if (!Number.isFinite(durationMs)) return unknown;
  const seconds = Math.round(Math.max(0, durationMs) / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3570) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** `3 h ago`; a moment ahead of this clock is said as such: `in 5 min`. */
export function formatAge(ageMs: number): string {
  if (Math.abs(ageMs) < 1500) return 'just now';
  return ageMs < 0 ? `in ${formatRough(-ageMs)}` : `${formatRough(ageMs)} ago`;
}

/** `48,211` */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** `1 file`, `2 files`, `2 entries`: give the plural where it is more than an s. */
export function formatItems(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`;
}

/** An RFC 3339 time as `2026-01-31 12:00:00 UTC`; what cannot be read as a time is returned as it is. */
export function formatTime(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return sanitise(time);
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** The first eight digits of an ID, as restic shows them. */
export function shortId(id: string): string {
  return sanitise(id.slice(0, 8));
}

// Control characters move the cursor and change a terminal's state; bidirectional ones make a name read as another.
const dangerous = /[\p{Cc}\p{Cs}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** Makes a name that others chose fit for a terminal: one line, no control characters. They are shown as `\x1b`. */
export function sanitise(text: string): string {
  return text.replace(dangerous, (character) => {
    // A zero-width joiner inside an emoji does no harm, and without it the emoji falls apart.
    if (character === '\u200d') return character;
    if (character === '\n') return '\\n';
    if (character === '\t') return '\\t';
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** The same for text of several lines, such as what a tool wrote to stderr. Line ends stay. */
export function sanitiseLines(text: string): string[] {
  return text
    .replace(/\s+$/u, '')
    .split(/\r?\n/u)
    .map((line) => sanitise(line.replaceAll('\t', '  ')));
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
const plainAscii = /^[\x20-\x7e]*$/u;
const invisible = /^[\p{Mark}\p{Cc}\p{Cf}]+$/u;
// Unicode's East Asian Width W and F in coarse ranges, and emoji shown as pictures.
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]|\ufe0f|\p{Emoji_Presentation}/u;

/** How many columns a terminal takes for a text without control characters. */
export function displayWidth(text: string): number {
  if (plainAscii.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment);
  return width;
}

function graphemeWidth(segment: string): number {
  if (wide.test(segment)) return 2;
  return invisible.test(segment) ? 0 : 1;
}

/** Cuts a text out of its middle, where paths say least: `backups/2…/dump.sql`. Never wider than `width`. */
export function truncateMiddle(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  if (width < 1) return '';
  const segments = [...graphemes.segment(text)].map(({ segment }) => segment);
  const tailWidth = Math.ceil((width - 1) / 2);
  const tail = takeWidth(segments.toReversed(), tailWidth).toReversed();
  const head = takeWidth(segments, width - 1 - displayWidth(tail.join('')));
  return `${head.join('')}…${tail.join('')}`;
}

/** Cuts the end off. */
export function truncateEnd(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  if (width < 1) return '';
  return `${takeWidth(
    [...graphemes.segment(text)].map(({ segment }) => segment),
    width - 1,
  ).join('')}…`;
}

function takeWidth(segments: readonly string[], width: number): string[] {
  const taken: string[] = [];
  let used = 0;
  for (const segment of segments) {
    used += graphemeWidth(segment);
    if (used > width) break;
    taken.push(segment);
  }
  return taken;
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - displayWidth(text))) + text;
}

/** Breaks a text between words into lines of at most `width` columns; a longer word stays whole. */
export function wrapWords(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && displayWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}
