import { stripVTControlCharacters } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { displayWidth } from '../../src/ui/format.ts';
import { painter } from '../../src/ui/paint.ts';
import type { Counts, PhaseView } from '../../src/ui/progress.ts';
import type { Renderer } from '../../src/ui/renderer.ts';
import { createTerminal, liveLines } from '../../src/ui/terminal.ts';
import { screen } from './support/screen.ts';

const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';

let renderer: Renderer | undefined;
afterEach(() => renderer?.stop());

function terminal(options: Parameters<typeof screen>[0] = {}) {
  const shown = screen(options);
  renderer = createTerminal(shown.context);
  return { ...shown, renderer };
}

/** The spinner is loaded when it is first needed. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(5);
}

describe('live lines', () => {
  const name = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    fc.constantFrom('漢字'.repeat(80), '👩‍👩‍👧'.repeat(50), 'a/'.repeat(200), '\u001b[31mred', ''),
  );
  const count = fc.option(fc.nat(), { nil: undefined });
  const counts: fc.Arbitrary<Counts> = fc.record({
    doneBytes: count,
    totalBytes: count,
    doneItems: count,
    totalItems: count,
    bytesPerSecond: count,
    leftMs: count,
  });
  const phase: fc.Arbitrary<PhaseView> = fc.record({
    phase: name,
    title: name,
    elapsedMs: fc.nat(),
    label: fc.option(name, { nil: undefined }),
    counts: fc.option(counts, { nil: undefined }),
    items: fc.array(fc.record({ name, label: fc.option(name, { nil: undefined }), counts }), {
      maxLength: 20,
    }),
  });

  test('are never wider than the terminal nor more than its rows, so that nothing wraps', () => {
    fc.assert(
      fc.property(
        fc.array(phase, { maxLength: 4 }),
        fc.integer({ min: 17, max: 200 }),
        fc.integer({ min: 1, max: 60 }),
        fc.boolean(),
        (phases, columns, rows, color) => {
          const lines = liveLines(phases, { columns, rows }, painter(color));
          expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows - 2));
          for (const line of lines) {
            const visible = stripVTControlCharacters(line);
            expect(visible).not.toMatch(/[\p{Cc}]/u);
            expect(displayWidth(visible)).toBeLessThanOrEqual(columns);
          }
        },
      ),
    );
  });

  test('keep how far it is where a name is too long', () => {
    const known = { doneBytes: 1024, totalBytes: 2048, doneItems: undefined, totalItems: undefined };
    const items = [
      {
        name: 'x'.repeat(500),
        label: undefined,
        counts: { ...known, bytesPerSecond: undefined, leftMs: undefined },
      },
    ];
    const [, line] = liveLines(
      [{ phase: 'p', title: 'restoring', elapsedMs: 0, label: undefined, counts: undefined, items }],
      { columns: 60, rows: 24 },
      painter(false),
    );
    expect(line).toMatch(/^ {2}x+…x+ {2}1\.0 KiB of 2\.0 KiB$/);
  });
});

describe('a terminal', () => {
  test('has its cursor back when work has stopped, and nothing is drawn afterwards', async () => {
    const { renderer, err } = terminal();
    renderer.event({ type: 'phase-start', phase: 'store', title: 'storing' });
    await until(() => err().includes('storing'));
    expect(err()).toContain(hideCursor);
    renderer.stop();
    renderer.stop();
    expect(err().lastIndexOf(showCursor)).toBeGreaterThan(err().lastIndexOf(hideCursor));
    const written = err().length;
    renderer.event({ type: 'note', message: 'too late' });
    renderer.event({ type: 'phase-start', phase: 'late', title: 'late' });
    await sleep(250);
    expect(err()).toHaveLength(written);
  });

  test('stopped before the spinner was loaded stays as it was', async () => {
    const { renderer, err } = terminal();
    renderer.event({ type: 'phase-start', phase: 'store', title: 'storing' });
    renderer.stop();
    await sleep(100);
    expect(err()).toBe('');
  });

  test('has its cursor back before an error is told', async () => {
    const { renderer, err } = terminal();
    renderer.event({ type: 'phase-start', phase: 'store', title: 'storing' });
    await until(() => err().includes(hideCursor));
    renderer.error(new Error('broken'));
    expect(err().lastIndexOf(showCursor)).toBeGreaterThan(err().lastIndexOf(hideCursor));
    expect(err().indexOf('broken')).toBeGreaterThan(err().indexOf(showCursor));
  });

  test('keeps a line for each phase that ended, with its outcome in a mark and its time', () => {
    const { renderer, lines } = terminal({ columns: 40 });
    const end = (phase: string, outcome: 'done' | 'failed' | 'skipped') => {
      renderer.event({ type: 'phase-start', phase, title: phase });
      renderer.event({ type: 'phase-end', phase, durationMs: 1500, outcome, detail: 'd'.repeat(60) });
    };
    end('restoring', 'done');
    end('漢字'.repeat(30), 'failed');
    end('x'.repeat(100), 'skipped');
    const kept = lines().filter((line) => /^[✔✖–]/.test(line));
    expect(kept.map((line) => line[0])).toEqual(['✔', '✖', '–']);
    expect(kept[0]).toContain('1.5 s');
    for (const line of kept) expect(displayWidth(line)).toBeLessThanOrEqual(40);
  });

  test('shows warnings and notes at once, details with -v only, none with control characters', () => {
    for (const verbose of [false, true]) {
      const { renderer, err } = terminal({ verbose });
      renderer.event({ type: 'warning', code: 'w', message: 'vanished', item: 'a\u001b[2J' });
      renderer.event({ type: 'note', message: 'on \u009bhttp' });
      renderer.event({ type: 'detail', message: 'small print' });
      expect(err()).toBe(`warning: a\\x1b[2J: vanished\non \\x9bhttp\n${verbose ? 'small print\n' : ''}`);
    }
  });

  test('without colour gets no colour codes', async () => {
    const { renderer, err } = terminal({ color: false });
    renderer.event({ type: 'phase-start', phase: 'store', title: 'storing' });
    await until(() => err().includes('storing'));
    renderer.event({ type: 'phase-end', phase: 'store', durationMs: 1, outcome: 'done' });
    renderer.error(new Error('broken'));
    // oxlint-disable-next-line no-control-regex -- colour codes begin with it.
    expect(err()).not.toMatch(/\u001b\[[\d;]*m/);
  });
});
