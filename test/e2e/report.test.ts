import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { deployHtml } from '../../src/report/html/deploy.ts';
import { hostileStrings, withHostileStrings } from '../report/support/hostile.ts';
import { failedReport, sampleReport } from '../report/support/sample-report.ts';

const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const describeHere = browser === undefined ? describe.skip : describe;

let folder: string;
let server: Server;
let visits: string[];
let origin: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relocate-report-test-'));
  visits = [];
  server = createServer((request, response) => {
    visits.push(request.url ?? '');
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

/** Opens a page in a real browser; answers the document as the browser understood it. */
async function domOf(page: string, size = '1280,1800'): Promise<string> {
  const file = join(folder, 'page.html');
  await writeFile(file, page);
  const args = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--hide-scrollbars',
    `--window-size=${size}`,
  ];
  const child = spawn(
    browser ?? '',
    [...args, `--user-data-dir=${join(folder, 'profile')}`, '--dump-dom', pathToFileURL(file).href],
    { stdio: ['ignore', 'pipe', 'ignore'], timeout: 60_000, killSignal: 'SIGKILL' },
  );
  const [dom] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return dom;
}

/** The elements in order; a browser adds those that may be left out, and a page of ours leaves none out. */
const elementsOf = (page: string): string[] =>
  [...page.matchAll(/<([a-z][a-z0-9]*)\b/gi)].map(([, name]) => name!.toLowerCase());

describeHere('the report in a browser (skipped where no chromium is installed)', () => {
  test('is well-formed: a browser finds the elements that were written, and no other', async () => {
    for (const report of [sampleReport(), failedReport()]) {
      const page = deployHtml(report);
      const dom = await domOf(page);
      expect(elementsOf(dom)).toEqual(elementsOf(page));
    }
  });

  test('full of hostile names runs nothing and asks nobody', async () => {
    const attacks = [
      ...hostileStrings,
      `<img src="${origin}/image"><link rel=stylesheet href="${origin}/style">`,
      `</style><style>@import url(${origin}/import); body { background: url(${origin}/background) }</style>`,
      `<script>fetch("${origin}/script"); document.title = "taken over"</script>`,
    ].join(' ');
    const kept = ['startedAt', 'finishedAt', 'time', 'outcome', 'phase', 'id'];
    const page = deployHtml(withHostileStrings(sampleReport(), attacks.slice(-1900), kept));
    const dom = await domOf(page);
    expect(elementsOf(dom)).toEqual(elementsOf(page));
    expect(dom).not.toContain('<title>taken over');
    expect(visits).toEqual([]);
  });

  test('stays shut even where a tag slips through: the policy lets nothing be loaded', async () => {
    const slipped = `<img src="${origin}/slipped"><script>document.title = "taken over"</script></main>`;
    const dom = await domOf(deployHtml(sampleReport()).replace('</main>', slipped));
    expect(dom).toContain(`${origin}/slipped`);
    expect(dom).not.toContain('<title>taken over');
    expect(visits).toEqual([]);
  });

  test('is never wider than the screen it is read on, with names of ten thousand letters', async () => {
    const page = deployHtml(
      withHostileStrings(failedReport(), 'x'.repeat(10_000), [
        'startedAt',
        'finishedAt',
        'time',
        'outcome',
        'phase',
        'id',
      ]),
    );
    const report = Buffer.from(page).toString('base64');
    // A window has a least width, a frame has none. The measuring page is the test's own and may run a script.
    const measuring = `<meta charset="utf-8"><div id="widths"></div><script>
      const page = new TextDecoder().decode(Uint8Array.from(atob("${report}"), (one) => one.charCodeAt(0)));
      for (const width of [390, 1280]) {
        const frame = document.createElement('iframe');
        frame.style.width = width + 'px';
        frame.style.border = 0;
        frame.onload = () => {
          document.getElementById('widths').innerHTML += '[' + width + ':' + frame.contentDocument.documentElement.scrollWidth + ']';
        };
        frame.srcdoc = page;
        document.body.append(frame);
      }
    </script>`;
    const dom = await domOf(measuring);
    expect(dom.match(/\[\d+:\d+\]/g)?.toSorted()).toEqual(['[1280:1280]', '[390:390]']);
  });
});
