/** How reports look: one column, the system's own letters, light or dark as the reader has it, and fit for paper. */
export const style = `:root {
  color-scheme: light dark;
  --page: #fafaf8; --sheet: #ffffff; --text: #1d2024; --quiet: #575d66; --line: #dfe1e4; --soft: #eff1f3;
  --good: #17663a; --good-soft: #eaf5ee; --bad: #a3211a; --bad-soft: #fcefed; --unsure: #7d4c00; --unsure-soft: #fdf4e3;
  --bar: #4a6d9c; --bar-soft: #a9bdd6; --link: #1f5a96;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #141619; --sheet: #1b1e22; --text: #e4e6e9; --quiet: #a3a9b1; --line: #33383e; --soft: #24282d;
    --good: #74cc98; --good-soft: #17281e; --bad: #f49a92; --bad-soft: #331d1b; --unsure: #e6b866; --unsure-soft: #2f2615;
    --bar: #7ea2d0; --bar-soft: #47607f; --link: #8fbcf0;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main, footer { max-width: 66rem; margin: 0 auto; padding: 0 1.5rem; }
main { padding-top: 2rem; }
footer { padding-bottom: 3rem; color: var(--quiet); font-size: .875rem; }
section { margin: 2.75rem 0; }
h1 { margin: .25rem 0 .5rem; font-size: clamp(1.6rem, 1.2rem + 1.6vw, 2.25rem); line-height: 1.2; font-weight: 650; text-wrap: balance; }
h2 { margin: 0 0 .75rem; font-size: 1.1875rem; line-height: 1.3; font-weight: 650; }
p { margin: .5rem 0; max-width: 46rem; }
small, .quiet, .empty { color: var(--quiet); }
small { font-size: .875rem; font-weight: 400; }
a { color: var(--link); }
code { font: .875em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.badge { font-weight: 600; white-space: nowrap; }
.badge.good { color: var(--good); } .badge.bad { color: var(--bad); } .badge.unsure { color: var(--unsure); } .badge.plain { color: var(--quiet); }
.verdict { padding: 1.25rem 1.5rem; border-radius: .5rem; border-left: .375rem solid; }
.verdict.good { background: var(--good-soft); border-color: var(--good); }
.verdict.bad { background: var(--bad-soft); border-color: var(--bad); }
.verdict.unsure { background: var(--unsure-soft); border-color: var(--unsure); }
.verdict p:last-child { margin-bottom: 0; }
.word { margin: 0; text-transform: uppercase; letter-spacing: .06em; font-size: .875rem; }
.gaps { margin: 1.25rem 0; padding: 1.25rem 1.5rem; border: 1px solid var(--unsure); border-radius: .5rem; background: var(--sheet); }
.gaps h2 { color: var(--unsure); }
.gaps ul { margin: 0; padding-left: 1.25rem; }
.gaps li + li { margin-top: .375rem; }
.objectives { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); gap: 1rem; margin: 1.25rem 0; }
.objective { padding: 1rem 1.5rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--sheet); }
.objective h2 { margin: 0; font-size: .9375rem; font-weight: 500; color: var(--quiet); }
.objective p { margin: .125rem 0; }
.measured { font-size: 1.75rem; line-height: 1.25; font-weight: 600; font-variant-numeric: tabular-nums; }
dl { margin: 0; }
.facts > div, .commands > div { display: grid; grid-template-columns: 9rem 1fr; gap: .25rem 1.5rem; padding: .375rem 0; border-top: 1px solid var(--line); }
.commands > div { grid-template-columns: 17rem 1fr; }
dt { color: var(--quiet); }
dd { margin: 0; min-width: 0; }
.commands code { user-select: all; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { padding-bottom: .5rem; text-align: left; color: var(--quiet); font-size: .875rem; }
th, td { padding: .4375rem 1.25rem .4375rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: baseline; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--quiet); font-size: .875rem; font-weight: 500; white-space: nowrap; }
tbody th { min-width: 11.5rem; font-weight: 600; }
tbody th:has(> .step) { padding-left: 1.25rem; font-weight: 400; color: var(--quiet); font-size: .9375rem; }
.number { text-align: right; white-space: nowrap; }
table + table { margin-top: 1.5rem; }
.lane { position: relative; display: block; width: 100%; min-width: 16rem; height: .875rem; background: var(--soft); border-radius: .1875rem; }
.bar { position: absolute; top: 0; bottom: 0; min-width: 3px; border-radius: .1875rem; background: var(--bar); }
.bar.step { top: 25%; bottom: 25%; background: var(--bar-soft); }
.bar.bad { background: var(--bad); }
.bar.earlier { background: none; border: 1px solid var(--bar); }
.axis { background: none; height: 1.25rem; }
.tick { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.tick:first-child { transform: none; }
@media (max-width: 44rem) {
  main, footer { padding-left: 1rem; padding-right: 1rem; }
  main { padding-top: 1rem; }
  .verdict, .gaps, .objective { padding-left: 1.125rem; padding-right: 1.125rem; }
  .facts > div, .commands > div { grid-template-columns: 1fr; gap: 0; }
  table, caption, tbody, tr, th, td { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody th { min-width: 0; }
  tr { padding: .625rem 0; border-top: 1px solid var(--line); }
  th, td, th:last-child, td:last-child, .number { padding: .0625rem 0; border: 0; text-align: left; white-space: normal; }
  td.number { display: inline-block; margin-right: 1.25rem; }
  td.number + td:last-child { display: inline-block; }
  tbody th:has(> .step) { padding-left: 0; }
  td[data-title]::before { content: attr(data-title) ": "; color: var(--quiet); }
  td:empty, td:has(> .lane)::before { display: none; }
  .lane { min-width: 0; margin: .25rem 0; }
}
@media print {
  :root { --page: #fff; --soft: #eee; }
  body { font-size: 10pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main, footer { max-width: none; padding: 0; }
  section { margin: 1.25rem 0; }
  tr, .objective, .verdict, .facts > div { break-inside: avoid; }
  h2, caption { break-after: avoid; }
}
`;
