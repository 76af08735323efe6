import { describe, expect, test } from '@jest/globals';
import type { Problem } from '../../src/app/problems.ts';
import { readServices, servicesKind } from '../../src/app/services.ts';

const none = () => undefined;

describe('the kind of a file of services', () => {
  test.each([
    ['Procfile', 'services:\n', 'procfile'],
    ['Procfile.dev', '', 'procfile'],
    ['stack.procfile', '', 'procfile'],
    ['compose.yaml', 'web: x', 'compose'],
    ['stack.yml', '', 'compose'],
    ['stack', 'services: { a: {} }', 'compose'],
    ['stack', 'web: node .\n', 'procfile'],
    ['stack', 'services: node services.js\n', 'compose'],
  ])('%s holding %j is a %s', (path, text, kind) => {
    expect(servicesKind(path, text)).toBe(kind);
  });

  test('a Procfile of nothing but a release is refused', () => {
    const problems: Problem[] = [];
    expect(readServices('Procfile', 'release: migrate\n', none, problems)).toBeUndefined();
    expect(problems).toMatchObject([{ message: 'a Procfile must have a line "name: command"' }]);
  });
});
