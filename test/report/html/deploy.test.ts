import { describe, expect, test } from '@jest/globals';
import { deployHtml } from '../../../src/report/html/deploy.ts';
import type { DeployReport } from '../../../src/relocation/types.ts';
import { hostileStrings, unfit, withHostileStrings } from '../support/hostile.ts';
import { at, emptyReport, failedReport, sampleReport } from '../support/sample-report.ts';

const fixedSets = ['startedAt', 'finishedAt', 'time', 'outcome', 'phase', 'id'];

/** Every tag with its attributes' names, in order: what the page is made of, apart from the words in it. */
function structureOf(page: string): string[] {
  return [...page.matchAll(/<[!/]?[a-z][^>]*>/gi)].map(([tag]) => tag.replaceAll(/"[^"]*"/g, '""'));
}

/** The words a person reads. */
function wordsOf(page: string): string {
  return page
    .replace(/<head>.*<\/head>/s, '')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/\s+/g, ' ');
}

describe('names chosen by others', () => {
  test.each(hostileStrings)('%#: change no tag and no attribute of the page', (hostile) => {
    for (const report of [sampleReport(), failedReport(), differing()]) {
      const page = deployHtml(withHostileStrings(report, hostile, fixedSets));
      // Only what a check has proven to speak HTTP becomes a link.
      const plain = deployHtml(withHostileStrings(report, 'plain', fixedSets));
      expect(structureOf(page)).toEqual(structureOf(plain));
      expect(page).not.toMatch(/<script|<img/i);
    }
  });

  test.each(hostileStrings)('%#: bring no control or direction-turning character', (hostile) => {
    const page = deployHtml(withHostileStrings(sampleReport(), hostile, fixedSets));
    expect(page.replaceAll('\n', '')).not.toMatch(unfit);
    expect(page.isWellFormed()).toBe(true);
  });

  test('never reach a style, where only numbers are', () => {
    const page = deployHtml(
      withHostileStrings(sampleReport(), 'red;background:url(//x)', ['outcome', 'phase']),
    );
    const styles = [...page.matchAll(/ style="([^"]*)"/g)].map(([, style]) => style);
    expect(styles.length).toBeGreaterThan(5);
    for (const style of styles) expect(style).toMatch(/^left:[\d.]+%(;width:[\d.]+%)?$/);
  });

  test('of ten thousand letters are cut, so that the page can be opened', () => {
    const page = deployHtml(withHostileStrings(sampleReport(), 'x'.repeat(10_000), fixedSets));
    expect(page.length).toBeLessThan(300_000);
    expect(page).toContain('xxx…');
  });
});

function differing(): DeployReport {
  const sample = sampleReport();
  const [db] = sample.data;
  const differences = [{ fact: 'rows of public.entry', expected: '3500', actual: '3499' }];
  return {
    ...sample,
    outcome: 'failed',
    checks: [{ title: 'connect to 5000', outcome: 'unverified', detail: 'no such service', durationMs: 0 }],
    data: [{ ...db!, outcome: 'failed', differences, detail: '1 of 12 facts differ' }],
    gaps: ['Not verified: connect to 5000 (no such service)'],
  };
}

describe('the page', () => {
  test('loads nothing, runs nothing, sends nothing', () => {
    const page = deployHtml(sampleReport());
    expect(page).toContain(
      `content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"`,
    );
    expect(page).not.toMatch(
      /<(script|img|link|iframe|object|embed|form|base)\b|\bsrc=|@import|url\(| on\w+=/i,
    );
  });

  test('has a language, one first heading, and a caption and headings for every table', () => {
    const page = deployHtml(differing());
    expect(page).toMatch(/^<!doctype html>\s*<html lang="en">/);
    expect(page.match(/<h1/g)).toHaveLength(1);
    const tables = page.match(/<table/g)?.length ?? 0;
    expect(tables).toBe(5);
    expect(page.match(/<caption>/g)).toHaveLength(tables);
    for (const row of page.match(/<tbody.*?<\/tbody>/gs) ?? []) expect(row).toMatch(/<th scope="row"/);
    for (const [, id] of page.matchAll(/aria-labelledby="([^"]*)"/g)) expect(page).toContain(`id="${id}"`);
  });

  test('gives every moment to programs as well', () => {
    expect(deployHtml(sampleReport())).toContain(
      '<time datetime="2026-01-31T12:00:00.000Z">2026-01-31 12:00:00 UTC</time>',
    );
  });
});

describe('the verdict', () => {
  test.each([
    ['passed', 'guestbook is back and verified'],
    ['unverified', 'guestbook is back, but not verified'],
    ['failed', 'guestbook is up, but not as it should be'],
  ] as const)('%s is said in words, not by colour alone', (outcome, headline) => {
    const page = deployHtml(sampleReport({ outcome }));
    expect(page).toContain(`<h1>${headline}</h1>`);
  });

  test('of a deploy that broke off names the step, the reason and the way on', () => {
    const words = wordsOf(deployHtml(failedReport()));
    expect(words).toContain('guestbook is not back');
    expect(words).toContain('It failed to restore db (postgres): pg_restore ended with exit code 1');
    expect(words).toContain('relocate deploy --to local --resume');
    expect(words).toContain('Nothing was verified.');
  });

  test('of a deploy that broke off after a comparison tells what that found', () => {
    const { data, restored } = sampleReport();
    const words = wordsOf(deployHtml({ ...failedReport(), data, restored }));
    expect(words).toContain('1 of 1 source equal to the snapshot, no check was run.');
    expect(words).toContain('12 facts as at capture');
    expect(words).not.toContain('Nothing was verified.');
  });

  test('counts what was compared and what was checked', () => {
    expect(wordsOf(deployHtml(sampleReport()))).toContain(
      '1 of 1 source equal to the snapshot, 1 of 1 check passed',
    );
  });
});

describe('objectives', () => {
  const rto = (met: boolean | undefined) =>
    sampleReport({
      objectives: {
        rto: { objectiveMs: met === undefined ? undefined : 5000, measuredMs: 10_000, met },
        rpo: { objectiveMs: undefined, measuredMs: 60_000, met: undefined },
      },
    });

  test.each([
    [true, 'Time until it was back (RTO) 10 s ✔ met, objective 5.0 s'],
    [false, 'Time until it was back (RTO) 10 s ✖ missed, objective 5.0 s'],
    [undefined, 'Time until it was back (RTO) 10 s · no objective set'],
  ])('met is %s: the word stands beside the figure', (met, words) => {
    expect(wordsOf(deployHtml(rto(met)))).toContain(words);
  });

  test('of an app that is not back claim no time until it was', () => {
    const words = wordsOf(deployHtml(failedReport()));
    expect(words).toContain('Not back after (RTO) 10 s ✖ missed');
    expect(words).not.toContain('Time until it was back');
    expect(words).not.toContain('data that came back');
  });
});

describe('what did not come back', () => {
  test('stands right below the verdict, with every step that failed or was never begun', () => {
    const page = deployHtml(failedReport());
    const words = wordsOf(page);
    expect(words).toContain('Failed: restore db (postgres)');
    for (const title of ['compare db with the snapshot', 'start web', 'run the checks']) {
      expect(words).toContain(`Never begun: ${title}`);
    }
    expect(page.indexOf('id="gaps"')).toBeLessThan(page.indexOf('class="objectives"'));
  });

  test('is nothing only where a verified deploy knows of nothing', () => {
    const claim = 'Nothing is known to be missing';
    expect(wordsOf(deployHtml(sampleReport()))).toContain(claim);
    expect(wordsOf(deployHtml(sampleReport({ outcome: 'unverified' })))).not.toContain(claim);
    expect(wordsOf(deployHtml(sampleReport({ gaps: ['one file'] })))).not.toContain(claim);
    expect(wordsOf(deployHtml(failedReport()))).not.toContain(claim);
  });

  test('a source that was restored and not compared is called not verified', () => {
    const report = sampleReport({ outcome: 'unverified', data: [] });
    expect(wordsOf(deployHtml(report))).toContain('not verified, not compared');
  });

  test('differences are shown fact by fact, fifty of them', () => {
    const report = differing();
    const differences = Array.from({ length: 60 }, (_, n) => ({
      fact: `fact-${n}.`,
      expected: 'a',
      actual: 'b',
    }));
    report.data[0]!.differences = differences;
    const words = wordsOf(deployHtml(report));
    expect(words).toContain('fact-49.');
    expect(words).not.toContain('fact-50.');
    expect(words).toContain('… and 10 more, all of them in report.json.');
  });
});

test('a resumed step says that it was done earlier', () => {
  expect(wordsOf(deployHtml(failedReport()))).toContain('done earlier');
});

test('an address is a link only where a check has seen HTTP there', () => {
  expect(deployHtml(sampleReport())).toContain('<a href="http://127.0.0.1:4000/"');
  expect(deployHtml(sampleReport({ services: [{ name: 'web', address: '127.0.0.1:40' }] }))).not.toContain(
    '<a ',
  );
  expect(deployHtml(differing())).not.toContain('<a ');
});

test('commands survive a folder with spaces and quotes', () => {
  const page = wordsOf(deployHtml(sampleReport({ folder: "/srv/it's here" })));
  expect(page).toContain('tail -f &#39;/srv/it&#39;\\&#39;&#39;s here/logs/&#39;*.log');
});

test('a report with nothing in it is a page without holes', () => {
  for (const report of [emptyReport(), sampleReport({ startedAt: 'never', finishedAt: at(0) })]) {
    const words = wordsOf(deployHtml(report));
    expect(words).not.toMatch(/NaN|undefined|Invalid|Infinity|\[object/);
  }
});
