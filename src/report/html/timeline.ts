import type { DeployReport, PhaseReport, StepReport } from '../../relocation/types.ts';
import { formatDuration } from '../../ui/format.ts';
import { html, type Markup } from './markup.ts';
import { badge, table } from './parts.ts';

/** When things happened, on one axis from the deploy's start to its end. */

type Timed = Pick<StepReport, 'startedAt' | 'durationMs'>;

/** Shares of the axis, in percent; never outside of it, whatever the clocks said. */
export interface Span {
  from: number;
  width: number;
}

export function spanOf(
  { startedAt, durationMs }: Timed,
  report: Pick<DeployReport, 'startedAt' | 'finishedAt'>,
): Span {
  const beginMs = Date.parse(report.startedAt);
  const totalMs = Date.parse(report.finishedAt) - beginMs;
  const share = (ms: number) =>
    totalMs > 0 && Number.isFinite(ms) ? Math.min(1, Math.max(0, ms / totalMs)) : 0;
  const from = share(Date.parse(startedAt) - beginMs);
  const to = share(Date.parse(startedAt) - beginMs + durationMs);
  return { from: percent(from), width: percent(Math.max(0, to - from)) };
}

function percent(share: number): number {
  return Math.round(share * 10_000) / 100;
}

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const tickSteps: readonly (readonly [unitMs: number, counts: readonly number[]])[] = [
  [1, [1, 2, 5, 10, 20, 50, 100, 200, 500]],
  [secondMs, [1, 2, 5, 10, 20, 30]],
  [minuteMs, [1, 2, 5, 10, 20, 30]],
  [hourMs, [1, 2, 4, 8, 12]],
  [dayMs, [1, 2, 5, 10, 20, 50, 100, 1000, 10_000]],
];
const tickStepsMs = tickSteps.flatMap(([unitMs, counts]) => counts.map((count) => count * unitMs));
const maxTicks = 5;

/** Round moments between start and end, few enough to be read. */
export function ticksOf(totalMs: number): number[] {
  const stepMs = tickStepsMs.find((step) => totalMs / step <= maxTicks);
  if (stepMs === undefined || !(totalMs > 0)) return [0];
  return Array.from({ length: Math.floor(totalMs / stepMs) + 1 }, (_, index) => index * stepMs);
}

export function timeline(report: DeployReport): Markup {
  const rows = report.phases.flatMap((phase) => {
    const steps = report.steps.filter((step) => step.phase === phase.phase);
    const [only] = steps;
    // A phase of one step needs no second row to say the same again.
    return steps.length === 1 && only
      ? [row(html`${phase.phase} <small>${withoutPhase(only)}</small>`, 'phase', only, report)]
      : [
          row(html`${phase.phase}`, 'phase', phase, report),
          ...steps.map((step) => row(html`<span class="step">${step.title}</span>`, 'step', step, report)),
        ];
  });
  return table(
    'Phases and their steps, from the start of the deploy to its end',
    [
      { title: 'Phase' },
      { title: 'Time', scale: axis(report) },
      { title: 'Took', number: true },
      { title: 'Outcome' },
    ],
    rows,
  );
}

/** `start web` stands behind the word `start` already. */
function withoutPhase({ phase, title }: StepReport): string {
  return title.startsWith(`${phase} `) ? title.slice(phase.length + 1) : title;
}

type Rank = 'phase' | 'step';

function row(title: Markup, rank: Rank, timed: PhaseReport | StepReport, report: DeployReport): Markup[] {
  const { outcome, durationMs } = timed;
  // What was killed never said how long it had been at work.
  const measured = durationMs > 0 || outcome === 'done' || outcome === 'resumed';
  return [
    title,
    measured || outcome === 'failed' ? bar(rank, timed, report) : html``,
    html`${measured ? formatDuration(durationMs) : '–'}`,
    outcomeOf(outcome),
  ];
}

function outcomeOf(outcome: StepReport['outcome']): Markup {
  if (outcome === 'done') return badge('good', 'done');
  if (outcome === 'failed') return badge('bad', 'failed');
  return outcome === 'resumed' ? badge('good', 'done earlier') : badge('unsure', 'not reached');
}

/** Numbers only go into the style, so that nothing from outside ever reaches it. */
function bar(rank: Rank, timed: PhaseReport | StepReport, report: DeployReport): Markup {
  const { from, width } = spanOf(timed, report);
  const tone = timed.outcome === 'failed' ? 'bad' : timed.outcome === 'resumed' ? 'earlier' : 'done';
  const beganMs = Date.parse(timed.startedAt) - Date.parse(report.startedAt);
  return html`<span class="lane"
    ><span class="bar ${rank} ${tone}" style="left:${from}%;width:${width}%"></span
    ><span class="unseen">began ${formatDuration(beganMs)} after the start</span></span
  >`;
}

function axis({ startedAt, finishedAt }: DeployReport): Markup {
  const totalMs = Date.parse(finishedAt) - Date.parse(startedAt);
  const ticks = ticksOf(totalMs);
  return html`<span class="lane axis" aria-hidden="true"
    >${ticks.map(
      (ms) =>
        html`<span class="tick" style="left:${totalMs > 0 ? percent(ms / totalMs) : 0}%"
          >${ms === 0 ? '0' : formatDuration(ms)}</span
        >`,
    )}</span
  >`;
}
