import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { targets } from '../../stacks/index.ts';

const text = readFileSync('docs/TARGETS.md', 'utf8');
const rows = [...text.matchAll(/^\| `([a-z]+)` +\| ([^|]+)\| ([^|]+)\|$/gm)].map(([, name, , tested]) => ({
  name,
  tested: tested?.trim(),
}));

test('docs/TARGETS.md tells of every target and of no other what was really run', () => {
  const table = rows.slice(0, targets.length);
  expect(table.map(({ name }) => name)).toEqual(targets.map(({ name }) => name));
});

test('whatever docs/TARGETS.md calls mocked is tested with mocks, and what it calls real is tested with the engine', () => {
  const mocked = readFileSync('test/stacks/providers.test.ts', 'utf8');
  for (const { name, tested = '' } of rows.slice(0, targets.length)) {
    expect([name, mocked.includes(`describe('${name}', () =>`)]).toEqual([name, tested.startsWith('mocked')]);
  }
  for (const name of ['aws', 'local']) {
    expect(rows.find((row) => row.name === name)?.tested).toContain('the real Pulumi engine');
  }
});

test.each(targets.map((target) => [target.name, target] as const))(
  '%s: every option stands in its part of docs/TARGETS.md',
  (name, target) => {
    const schema = z.toJSONSchema(target.options, { io: 'input', unrepresentable: 'any' });
    const options = Object.keys(schema.properties ?? {});
    const [, part = ''] = new RegExp(`\\n## ${name}\\n([^]*?)(?=\\n## |$)`).exec(text) ?? [];
    expect(options.length).toBeGreaterThan(0);
    expect(options.filter((option) => !part.includes(`\`${option}`))).toEqual([]);
  },
);
