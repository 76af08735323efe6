import type { DeployReport, ObjectiveReport } from '../../relocation/types.ts';
import { formatDuration } from '../../ui/format.ts';
import { tally } from '../outcomes.ts';
import { html, type Markup } from './markup.ts';
import { badge, time, type Tone } from './parts.ts';

/** The answer first, in words; the colour only repeats it. */
export function verdict(report: DeployReport): Markup {
  const { tone, word, headline } = verdictOf(report);
  return html`<header class="verdict ${tone}">
    <p class="word">${badge(tone, word)}</p>
    <h1>${headline}</h1>
    <p>${sentence(report)}</p>
    ${failureOf(report)}
  </header>`;
}

function verdictOf({ app, outcome, failure }: DeployReport): { tone: Tone; word: string; headline: string } {
  if (failure !== undefined) return { tone: 'bad', word: 'Failed', headline: `${app} is not back` };
  if (outcome === 'failed')
    return { tone: 'bad', word: 'Failed', headline: `${app} is up, but not as it should be` };
  return outcome === 'passed'
    ? { tone: 'good', word: 'Verified', headline: `${app} is back and verified` }
    : { tone: 'unsure', word: 'Not verified', headline: `${app} is back, but not verified` };
}

function sentence({ target, data, checks, startedAt, finishedAt, failure }: DeployReport): Markup {
  const tookMs = Date.parse(finishedAt) - Date.parse(startedAt);
  const took = html`${failure === undefined ? 'Deployed to' : 'The deploy to'} ${target}, begun at
  ${time(startedAt)}, ${failure === undefined ? 'in' : 'ended after'} ${formatDuration(tookMs)}.`;
  if (checks === undefined && data.length === 0) return html`${took} Nothing was verified.`;
  const checked = checks === undefined ? 'no check was run' : tally(checks, 'check', 'passed');
  return html`${took} ${tally(data, 'source', 'equal to the snapshot')}, ${checked}.`;
}

function failureOf({ failure, steps }: DeployReport): Markup | undefined {
  if (failure === undefined) return undefined;
  const title = steps.find(({ id }) => id === failure.step)?.title ?? failure.step;
  return html`<p><strong>It failed to ${title}:</strong> ${failure.message}</p>
    ${failure.hint === undefined ? undefined : html`<p>${failure.hint}</p> `}`;
}

/** RTO and RPO, each measured against what was asked for. */
export function objectives(
  { rto, rpo }: DeployReport['objectives'],
  { outcome, failure }: DeployReport,
): Markup {
  const isBack = failure === undefined && outcome !== 'failed';
  const [back, data, end] = isBack
    ? ['Time until it was back (RTO)', 'Age of the data that came back (RPO)', 'of the checks']
    : ['Not back after (RTO)', 'Age of the snapshot (RPO)', 'of this run'];
  return html`<section class="objectives" aria-label="Objectives">
    ${objective(back, rto, `from the start of the deploy to the end ${end}`)}
    ${objective(data, rpo, 'from the capture to the start of the deploy')}
  </section>`;
}

function objective(
  title: string,
  { objectiveMs, measuredMs, met }: ObjectiveReport,
  measure: string,
): Markup {
  const against =
    met === undefined || objectiveMs === undefined
      ? badge('plain', 'no objective set')
      : html`${met ? badge('good', 'met') : badge('bad', 'missed')}, objective ${formatDuration(objectiveMs)}`;
  return html`<div class="objective">
    <h2>${title}</h2>
    <p class="measured">${formatDuration(measuredMs)}</p>
    <p>${against}</p>
    <p><small>${measure}</small></p>
  </div>`;
}
