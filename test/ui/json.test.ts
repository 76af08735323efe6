import { describe, expect, test } from '@jest/globals';
import { RelocateError } from '../../src/errors.ts';
import { createJson } from '../../src/ui/json.ts';
import { screen } from './support/screen.ts';

function json(options: { verbose?: boolean } = {}) {
  const shown = screen(options);
  const documents = () =>
    shown
      .out()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { ...shown, documents, renderer: createJson(shown.context) };
}

describe('JSON lines', () => {
  test('are one object a line with type and time, whatever names hold', () => {
    const { renderer, documents, out } = json();
    const item = 'a\nb\r\u2028\u001b[0m"\\\ud800';
    renderer.event({ type: 'phase-start', phase: 'p', title: item });
    renderer.event({ type: 'warning', code: 'w', message: item, item });
    renderer.event({ type: 'note', message: item });
    renderer.result({ done: true });
    expect(documents().map(({ type }) => type)).toEqual(['phase-start', 'warning', 'note', 'result']);
    expect(documents()[1]).toMatchObject({ time: '2026-01-31T12:00:00.000Z', message: item });
    expect(out().split('\n')).toHaveLength(5);
    // oxlint-disable-next-line no-control-regex -- that is what is looked for.
    expect(out().replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f]/);
  });

  test('tell progress twice a second, and its last count before the phase ends', () => {
    const { renderer, documents, pass } = json();
    renderer.event({ type: 'phase-start', phase: 'p', title: 'p' });
    for (let n = 1; n <= 10_000; n += 1) {
      renderer.event({ type: 'progress', phase: 'p', doneBytes: n });
      pass(1);
    }
    renderer.event({ type: 'phase-end', phase: 'p', durationMs: 10_000, outcome: 'done' });
    const progress = documents().filter(({ type }) => type === 'progress');
    expect(progress.length).toBeLessThanOrEqual(21);
    expect(progress.length).toBeGreaterThanOrEqual(19);
    expect(progress.at(-1)).toMatchObject({ doneBytes: 10_000 });
    expect(documents().at(-1)).toMatchObject({ type: 'phase-end' });
  });

  test('end with exactly one result or error, and nothing after it', () => {
    const { renderer, documents } = json();
    renderer.event({ type: 'progress', phase: 'p', doneBytes: 1 });
    renderer.event({ type: 'progress', phase: 'p', doneBytes: 2 });
    renderer.result({ snapshot: 'abc', type: 'mine' });
    renderer.error(new Error('late'));
    renderer.result({});
    renderer.event({ type: 'note', message: 'late' });
    renderer.stop();
    expect(documents().slice(1)).toMatchObject([
      { type: 'progress', doneBytes: 2 },
      { type: 'result', snapshot: 'abc' },
    ]);
    expect(documents()).toHaveLength(3);
  });

  test('tell an error by code, facts, hint and exit code', () => {
    const { renderer, documents } = json();
    renderer.error(
      new RelocateError('wrong-password', 'The password is wrong.', {
        facts: { keys: 2 },
        hint: 'Try another.',
      }),
    );
    expect(documents()).toEqual([
      {
        type: 'error',
        code: 'wrong-password',
        message: 'The password is wrong.',
        facts: { keys: 2 },
        hint: 'Try another.',
        exitCode: 12,
      },
    ]);
  });

  test.each([
    [undefined, { type: 'result' }],
    [[1, 2], { type: 'result', value: [1, 2] }],
    ['text', { type: 'result', value: 'text' }],
    [{ inode: 12n }, { type: 'result', inode: 12 }],
  ])('%#: any result can be told', (value, document) => {
    const { renderer, documents } = json();
    renderer.result(value);
    expect(documents()).toEqual([document]);
  });

  test('hold details with -v only', () => {
    for (const verbose of [false, true]) {
      const { renderer, documents } = json({ verbose });
      renderer.event({ type: 'detail', message: 'small print' });
      expect(documents()).toHaveLength(verbose ? 1 : 0);
    }
  });
});
