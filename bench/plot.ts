import type { PeerName } from './peers.ts';
import { median } from './statistics.ts';
import type { Group } from './summary.ts';
import { titleOf } from './tables.ts';

/** Drawings as SVG text, made of rectangles, lines and words, so that nothing is needed to make or to see them. */

const colours: Record<PeerName, string> = {
  relocate: '#2563eb',
  restic: '#f59e0b',
  rustic: '#10b981',
  kopia: '#a855f7',
};
const ink = '#1f2937';
const faint = '#9ca3af';

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const text = (x: number, y: number, content: string, attributes = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escape(content)}</text>`;

const line = (x1: number, y1: number, x2: number, y2: number, colour: string, width = 1): string =>
  `<path d="M${x1.toFixed(1)} ${y1.toFixed(1)}L${x2.toFixed(1)} ${y2.toFixed(1)}" stroke="${colour}" stroke-width="${width}"/>`;

function drawing(width: number, height: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13" fill="${ink}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

const secondsOf = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} s`;

/** A block of bars for each group, each to the scale of its own slowest; a thin line shows the spread. */
export function barChart(title: string, groups: readonly Group[]): string {
  const [width, left, barHeight, gap] = [760, 80, 18, 4];
  const parts: string[] = [text(16, 28, title, 'font-size="17" font-weight="600"')];
  let y = 44;
  for (const group of groups) {
    y += 24;
    parts.push(text(16, y, titleOf(group), 'font-weight="600"'));
    y += 10;
    const longest = Math.max(...group.rows.flatMap(({ wall }) => wall));
    const scale = (width - left - 130) / longest;
    for (const { peer, wall, ratio } of group.rows) {
      const middle = median(wall);
      parts.push(
        text(left - 8, y + 13, peer, 'text-anchor="end"'),
        `<rect x="${left}" y="${y}" width="${(middle * scale).toFixed(1)}" height="${barHeight}" fill="${colours[peer]}" rx="2"/>`,
        line(left + Math.min(...wall) * scale, y + 9, left + Math.max(...wall) * scale, y + 9, ink),
        text(
          left + Math.max(...wall) * scale + 8,
          y + 13,
          peer === 'relocate' ? secondsOf(middle) : `${secondsOf(middle)}, ${ratio.toFixed(1)} ×`,
        ),
      );
      y += barHeight + gap;
    }
    y += 6;
  }
  return drawing(width, y + 10, title, parts);
}

export interface Series {
  peer: PeerName;
  points: readonly (readonly [x: number, y: number])[];
}

/** Panels side by side: how something grows with the size of the data. */
export function lineCharts(
  title: string,
  xTitle: string,
  panels: readonly { title: string; series: readonly Series[] }[],
): string {
  const [panelWidth, panelHeight, left, top] = [270, 220, 56, 64];
  const width = panels.length * (panelWidth + left) + 30;
  const parts: string[] = [text(16, 28, title, 'font-size="17" font-weight="600"')];
  for (const [index, panel] of panels.entries()) {
    const originX = left + index * (panelWidth + left);
    const originY = top + panelHeight;
    const points = panel.series.flatMap(({ points }) => points);
    const largestX = Math.max(...points.map(([x]) => x));
    const step = niceStep(Math.max(...points.map(([, y]) => y)));
    const largestY = Math.ceil(Math.max(...points.map(([, y]) => y)) / step) * step;
    const at = ([x, y]: readonly [number, number]) =>
      [originX + (x / largestX) * (panelWidth - 20), originY - (y / largestY) * panelHeight] as const;
    parts.push(text(originX, top - 14, panel.title, 'font-weight="600"'));
    for (let value = 0; value <= largestY + step / 2; value += step) {
      const [, y] = at([0, value]);
      parts.push(
        line(originX, y, originX + panelWidth - 20, y, '#e5e7eb'),
        text(
          originX - 6,
          y + 4,
          String(Math.round(value)),
          `text-anchor="end" font-size="11" fill="${faint}"`,
        ),
      );
    }
    for (const x of new Set(points.map(([x]) => x)))
      parts.push(
        text(at([x, 0])[0], originY + 16, String(x), `text-anchor="middle" font-size="11" fill="${faint}"`),
      );
    parts.push(
      text(originX + (panelWidth - 20) / 2, originY + 34, xTitle, 'text-anchor="middle" font-size="11"'),
    );
    for (const { peer, points } of panel.series) {
      const path = points.map(at).map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`);
      parts.push(`<path d="M${path.join('L')}" fill="none" stroke="${colours[peer]}" stroke-width="2"/>`);
      for (const [x, y] of points.map(at))
        parts.push(`<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3" fill="${colours[peer]}"/>`);
    }
  }
  const legendY = top + panelHeight + 58;
  for (const [index, { peer }] of (panels[0]?.series ?? []).entries()) {
    const x = left + index * 100;
    parts.push(
      `<rect x="${x}" y="${legendY - 10}" width="12" height="12" fill="${colours[peer]}"/>`,
      text(x + 18, legendY, peer),
    );
  }
  return drawing(width, legendY + 16, title, parts);
}

/** About four lines, at round numbers. */
function niceStep(largest: number): number {
  const rough = largest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
}
