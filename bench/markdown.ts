/** A Markdown table; all columns but the first `textColumns` are numbers, and stand at the right. */
export function markdownTable(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  { textColumns = 1 } = {},
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = heading.map((_, at) => (at < textColumns ? '---' : '---:'));
  return [heading, rule, ...rows].map(line).join('\n');
}
