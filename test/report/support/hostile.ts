/** What names may hold when others choose them. */
export const hostileStrings = [
  '<script>alert(1)</script>',
  '</style></title></code></td><script>alert(1)</script>',
  '" onmouseover="alert(1)" x="',
  "' autofocus onfocus='alert(1)",
  '<img src=x onerror=alert(1)>',
  '--><!--',
  '&lt;b&gt; &amp; &#60;',
  '\u001b[31mred\u001b[0m\u001b]0;title\u0007\u001b[2J',
  'line\r\nfeed\u0000null\u0008back\u009bcsi',
  '\u202Egnp.exe\u2066\u200f\u2028',
  'javascript:alert(1)',
  '\ud800 lone surrogate',
  'x'.repeat(10_000),
  '漢字🎉'.repeat(200),
];

/** Control characters but for line ends; characters that turn the direction of text. */
// oxlint-disable-next-line no-control-regex -- these are what must not be there.
export const unfit = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

/** The same value with every string replaced, but for those that a program chose from a fixed set. */
export function withHostileStrings<T>(value: T, hostile: string, kept: readonly string[]): T {
  const visit = (one: unknown, key: string): unknown => {
    if (typeof one === 'string') return kept.includes(key) ? one : hostile;
    if (Array.isArray(one)) return one.map((item) => visit(item, key));
    if (typeof one !== 'object' || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([name, item]) => [name, visit(item, name)]));
  };
  return visit(value, '') as T;
}
