import { mkdir, mkdtemp, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { StatusReport } from '../../src/report/status.ts';
import { relocate, resultOf } from '../support/cli.ts';

let folder: string;

const config = (rpo: string) => `app: notes
data:
  notes: { files: ./notes }
repositories: [ "file:./backups" ]
objectives: { rpo: ${rpo} }
`;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'relocate-status-')));
  await mkdir(join(folder, 'notes'));
  await writeFile(join(folder, 'notes', 'first.txt'), 'hello\n');
  await writeFile(join(folder, 'relocate.yaml'), config('24h'));
  expect(await relocate(['init', '--repository'], { cwd: folder })).toMatchObject({ exitCode: 0 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('relocate status', () => {
  test('is not content while an RPO is set and no snapshot was taken', async () => {
    const result = await relocate(['status'], { cwd: folder });
    expect(result).toMatchObject({ exitCode: 3 });
    expect(result.stdout).toContain('there is NONE of notes');
    expect(result.stdout).toContain('Nothing is deployed.');
  });

  test('is content with a young snapshot, and says its age to people and to programs', async () => {
    expect(await relocate(['snapshot'], { cwd: folder })).toMatchObject({ exitCode: 0 });
    const result = await relocate(['status'], { cwd: folder });
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(result.stdout).toMatch(/Newest snapshot: [0-9a-f]{8}, .* \(objective 24 h, met\)/);
    const report = resultOf<StatusReport & { outcome: string }>(
      await relocate(['status', '--json'], { cwd: folder }),
    );
    expect(report).toMatchObject({
      outcome: 'passed',
      deployments: [],
      snapshot: { rpo: { objectiveMs: 86_400_000, met: true } },
    });
  });

  test('tells a missed RPO with exit code 3', async () => {
    await writeFile(join(folder, 'relocate.yaml'), config('1s'));
    const result = await relocate(['status'], { cwd: folder });
    await writeFile(join(folder, 'relocate.yaml'), config('24h'));
    expect(result).toMatchObject({ exitCode: 3 });
    expect(result.stdout).toContain('MISSED');
  });

  test('works without its repository, and says why it could not ask it', async () => {
    await rename(join(folder, 'backups'), join(folder, 'elsewhere'));
    const gone = await relocate(['status'], { cwd: folder });
    await rename(join(folder, 'elsewhere'), join(folder, 'backups'));
    expect(gone).toMatchObject({ exitCode: 3 });
    expect(gone.stdout).toContain('The repository could not be asked');
    expect(gone.stdout).toContain('Newest snapshot: not known');
    const wrong = await relocate(['status'], { cwd: folder, env: { RELOCATE_PASSWORD: 'something else' } });
    expect(wrong).toMatchObject({ exitCode: 3 });
    expect(wrong.stdout).toContain('The repository could not be asked');
    expect(wrong.stdout).not.toContain('something else');
  });
});
