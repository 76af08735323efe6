// Sums up results of jest (--json --outputFile): failed suites and skipped tests by name, then one line that counts.
// Exit code 1 when something failed, or nothing passed.
import { readFileSync } from 'node:fs';
import path from 'node:path';

const print = (text) => process.stdout.write(`${text}\n`);
const results = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, 'utf8')));
const suites = results.flatMap((result) => result.testResults);
const tests = suites.flatMap((suite) => suite.assertionResults.map((test) => ({ ...test, suite })));
const having = (...statuses) => tests.filter((test) => statuses.includes(test.status));

const passed = having('passed');
const skipped = having('pending', 'todo', 'disabled', 'skipped');
const failed = having('failed');
// A suite that could not even be loaded has no test to blame.
const broken = suites.filter(
  (suite) => suite.status === 'failed' && suite.assertionResults.every((test) => test.status !== 'failed'),
);

const name = (suite) => path.relative(process.cwd(), suite.name);
const list = (title, lines) =>
  lines.length > 0 && print(`\n${title}:\n${lines.map((line) => `  ${line}`).join('\n')}`);

list(
  'Skipped',
  skipped.map((test) => `${name(test.suite)}: ${test.fullName}`),
);
list('Failed', [
  ...failed.map((test) => `${name(test.suite)}: ${test.fullName}`),
  ...broken.map((suite) => `${name(suite)}: could not run`),
]);
const failures = failed.length + broken.length;
print(`\n${passed.length} passed, ${failures} failed, ${skipped.length} skipped`);
process.exitCode = failures > 0 || passed.length === 0 ? 1 : 0;
