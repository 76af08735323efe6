import type { DataOutcome, DeployReport } from '../../relocation/types.ts';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatRate,
  formatRough,
  shortId,
} from '../../ui/format.ts';
import { commandsSection } from './commands.ts';
import { html, type Markup } from './markup.ts';
import { page } from './page.ts';
import { code, facts, outcomeBadge, section, table, time } from './parts.ts';
import { timeline } from './timeline.ts';
import { objectives, verdict } from './verdict.ts';

/** A deploy as one HTML file that needs nothing else: no script, no address, no font is loaded. Pure. */
export function deployHtml(report: DeployReport): string {
  return page(
    `${report.app} to ${report.target}: deploy report`,
    html`${verdict(report)} ${gapsSection(report)} ${objectives(report.objectives, report)}
    ${section('what', 'What was deployed', summary(report))}
    ${section('time', 'Where the time went', timeline(report))}
    ${section('data', 'What was restored, and how it was verified', [restoredTable(report), ...report.data.map(differencesTable)])}
    ${section('checks', 'Checks of the running app', checksTable(report))}
    ${section('environment', 'What is different in its environment', environmentTable(report))}
    ${commandsSection(report)}`,
    html`Written by relocate ${report.relocateVersion} when the deploy ended, at ${time(report.finishedAt)}.
    What happened later is not in it.`,
  );
}

/** Right below the verdict: what a reader must not overlook. */
function gapsSection({ gaps, steps, outcome }: DeployReport): Markup {
  const undone = steps.filter((step) => step.outcome === 'failed' || step.outcome === 'not reached');
  const all = [
    ...gaps.map((gap) => html`<li>${gap}</li> `),
    ...undone.map(
      ({ title, outcome }) => html`<li>${outcome === 'failed' ? 'Failed' : 'Never begun'}: ${title}</li> `,
    ),
  ];
  if (all.length > 0) {
    return html`<section class="gaps" aria-labelledby="gaps">
      <h2 id="gaps">Not restored or not verified</h2>
      <ul>
        ${all}
      </ul>
    </section>`;
  }
  return outcome === 'passed'
    ? html`<p class="quiet">
        Nothing is known to be missing: all that the snapshot holds was restored and compared, and every check
        was run.
      </p>`
    : html``;
}

function summary(report: DeployReport): Markup {
  const { snapshot, services } = report;
  const ageMs = Date.parse(report.startedAt) - Date.parse(snapshot.time);
  return facts([
    ['App', html`${report.app}`],
    ['Target', html`${report.target}`],
    [
      'Answers on',
      services.length > 0
        ? html`${services.map((service) => html`<div>${address(service, report)}</div>`)}`
        : undefined,
    ],
    ['Snapshot', html`${code(shortId(snapshot.id))}, ${formatBytes(snapshot.sizeBytes)}`],
    [
      'Captured',
      html`${time(snapshot.time)} on ${snapshot.hostname}, ${formatRough(ageMs)} before the deploy`,
    ],
    ['Repository', code(snapshot.repository)],
    ['Started', time(report.startedAt)],
    ['Ended', time(report.finishedAt)],
    ['Deployment', code(report.deployment)],
    ['Folder', code(report.folder)],
  ]);
}

/** A link where a check has shown that HTTP is spoken there. */
function address(service: DeployReport['services'][number], { checks }: DeployReport): Markup {
  const url = `http://${service.address}/`;
  const answers = checks?.some(({ outcome, detail }) => outcome === 'passed' && detail.startsWith(url));
  const place = answers ? html`<a href="${url}" rel="noreferrer">${url}</a>` : code(service.address);
  return html`${place}
    <small>${service.name}${service.pid === undefined ? undefined : `, process ${service.pid}`}</small>`;
}

function restoredTable({ restored, data }: DeployReport): Markup {
  if (restored.length === 0) return html`<p class="empty">Nothing was restored.</p>`;
  return table(
    'Every source of the snapshot that was written back',
    [
      { title: 'Source' },
      { title: 'Kind' },
      { title: 'Items', number: true },
      { title: 'Size', number: true },
      { title: 'Took', number: true },
      { title: 'Rate', number: true },
      { title: 'Compared with the snapshot' },
    ],
    restored.map(({ name, kind, items, sizeBytes, durationMs }) => [
      html`${name}`,
      html`${kind}`,
      html`${formatCount(items)}`,
      html`${formatBytes(sizeBytes)}`,
      html`${formatDuration(durationMs)}`,
      html`${durationMs > 0 ? formatRate((sizeBytes / durationMs) * 1000) : '–'}`,
      compared(data.find((one) => one.name === name && one.kind === kind)),
    ]),
  );
}

function compared(data: DataOutcome | undefined): Markup {
  if (data === undefined) return html`${outcomeBadge('unverified')}, not compared`;
  return html`${outcomeBadge(data.outcome)}, ${data.detail}`;
}

const maxDifferences = 50;

function differencesTable({ name, differences }: DataOutcome): Markup {
  if (differences.length === 0) return html``;
  const shown = differences.slice(0, maxDifferences);
  const more =
    differences.length > shown.length
      ? html`<p class="empty">
          … and ${formatCount(differences.length - shown.length)} more, all of them in report.json.
        </p>`
      : undefined;
  return html`${table(
    `Where ${name} differs from what was captured`,
    [{ title: 'Fact' }, { title: 'In the snapshot' }, { title: 'Now' }],
    shown.map(({ fact, expected, actual }) => [html`${fact}`, code(expected), code(actual)]),
  )}${more}`;
}

function checksTable({ checks }: DeployReport): Markup {
  if (checks === undefined) return html`<p class="empty">The deploy ended before any check was run.</p>`;
  if (checks.length === 0)
    return html`<p class="empty">There is no check: nobody asked the app whether it works.</p>`;
  return table(
    'What was asked of the app at its new place',
    [{ title: 'Check' }, { title: 'Outcome' }, { title: 'Seen' }, { title: 'Took', number: true }],
    checks.map(({ title, outcome, detail, durationMs }) => [
      html`${title}`,
      outcomeBadge(outcome),
      html`${detail}`,
      html`${formatDuration(durationMs)}`,
    ]),
  );
}

function environmentTable({ environment }: DeployReport): Markup {
  if (environment.length === 0) return html`<p class="empty">Nothing: its variables are as they were.</p>`;
  return table(
    'Variables that the services see otherwise than before; passwords are left out',
    [{ title: 'Variable' }, { title: 'Before' }, { title: 'Now' }],
    environment.map(({ name, before, after }) => [
      code(name),
      before === undefined ? html`<small>was not set</small>` : code(before),
      code(after),
    ]),
  );
}
