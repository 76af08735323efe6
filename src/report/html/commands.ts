import type { DeployReport } from '../../relocation/types.ts';
import { html, type Markup } from './markup.ts';
import { section } from './parts.ts';

/** What a person may want to type next. */
export function commandsSection(report: DeployReport): Markup {
  const commands = commandsOf(report).map(
    ([purpose, command]) =>
      html`<div>
        <dt>${purpose}</dt>
        <dd><code>${command}</code></dd>
      </div> `,
  );
  return section('next', 'What to do next', [
    html`<p>To be typed where this deploy was, with the same repository and password.</p>
      <dl class="commands">${commands}</dl>`,
  ]);
}

function commandsOf(report: DeployReport): [purpose: string, command: string][] {
  const { deployment, target, failure } = report;
  return [
    ...(failure === undefined
      ? []
      : [['Go on where it stopped', `relocate deploy --to ${target} --resume`] as [string, string]]),
    ['See how it does now', 'relocate status'],
    ...logsOf(report),
    ['Stop it and remove all it made', `relocate destroy --deployment ${shellWord(deployment)}`],
  ];
}

function logsOf({ steps, folder, deployment }: DeployReport): [purpose: string, command: string][] {
  const started = steps.filter(({ phase, outcome }) => phase === 'start' && outcome !== 'not reached');
  if (started.length === 0) return [];
  const command = started.some(({ id }) => id === 'start:compose')
    ? `docker compose -p ${shellWord(deployment)} logs --follow`
    : `tail -f ${shellWord(`${folder}/logs/`)}*.log`;
  return [['Read what the services say', command]];
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
