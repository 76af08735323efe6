import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { expand } from '../../src/app/expand.ts';

const set: Record<string, string> = { A: '1', EMPTY: '', DOLLAR: '${A}' };
const lookup = (name: string) => set[name];

describe('variables in a text', () => {
  test.each([
    ['plain', 'plain'],
    ['$A$A', '11'],
    ['${A}x', '1x'],
    ['$$A $$$A', '$A $1'],
    ['${U-d}|${EMPTY-d}|${EMPTY:-d}', 'd||d'],
    ['${A+o}|${EMPTY+o}|${EMPTY:+o}|${U+o}', 'o|o||'],
    ['${A?no}|${EMPTY?no}', '1|'],
    ['${U:-a${V:-b${A}}c}', 'ab1c'],
    ['${A:-${U}}', '1'],
    ['${U:-}', ''],
    ['$DOLLAR', '${A}'],
  ])('%s becomes %s', (text, expanded) => {
    expect(expand(text, lookup)).toMatchObject({ text: expanded, problems: [] });
  });

  test.each([
    ['a $U', 2, /U is not set; set it, or give a default: \$\{U:-…\}/],
    ['${EMPTY:?say why}', 0, /EMPTY is not set: say why/],
    ['${U?}', 0, /U is not set: it is required/],
    ['ab${A', 2, /"\$\{A" is not closed/],
    ['${A b}', 0, /is not closed/],
    ['${1}', 0, /no variable name/],
    ['x$', 1, /a lone "\$"/],
    ['${A:-${B:-${C', 10, /"\$\{C" is not closed/],
    ['${A:-'.repeat(30), 80, /nested too deeply/],
  ])('%s is one problem, at its place', (text, offset, message) => {
    const { problems } = expand(text, lookup);
    expect(problems).toEqual([{ message: expect.stringMatching(message), offset }]);
  });

  test('that were looked at are told, with their text; what was not chosen is not', () => {
    expect(expand('${A:-${U}} ${U:-x} ${A:+$EMPTY}', lookup).used).toEqual([
      { name: 'A', value: '1', byDefault: false },
      { name: 'U', value: 'x', byDefault: true },
      { name: 'EMPTY', value: '', byDefault: false },
    ]);
  });

  test('leave any text alone whose dollar signs are doubled', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(expand(text.replaceAll('$', '$$$$'), lookup)).toEqual({ text, problems: [], used: [] });
      }),
    );
  });

  test('never say a value in a problem, whatever the text', () => {
    const piece = fc.constantFrom('$', '${', '}', 'S', 'U', ':-', ':+', '?', '-', ' ', '$$');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const { problems } = expand(pieces.join(''), (name) => (name.startsWith('S') ? 'sesame' : undefined));
        expect(JSON.stringify(problems)).not.toContain('sesame');
      }),
    );
  });
});
