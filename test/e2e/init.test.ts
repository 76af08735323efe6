import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { relocate, resultOf } from '../support/cli.ts';

const fixtures = fileURLToPath(new URL('../app/fixtures', import.meta.url));
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relocate-init-'));
  await cp(join(fixtures, 'rails'), folder, { recursive: true });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('relocate init', () => {
  test('writes a relocate.yaml that the next command takes, and the schema that its first line names', async () => {
    const made = await relocate(['init', '--json'], { cwd: folder });
    expect(made).toMatchObject({ exitCode: 0 });
    expect(resultOf<{ path: string; questions: string[] }>(made)).toMatchObject({
      path: join(folder, 'relocate.yaml'),
      questions: [expect.stringContaining('REDIS_URL'), expect.stringContaining('S3_BUCKET')],
    });
    expect(made.stdout).not.toMatch(/fixture.ecret/);
    const text = await readFile(join(folder, 'relocate.yaml'), 'utf8');
    const [, schema = ''] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text) ?? [];
    const editor = new Ajv2020({ strict: false, validateFormats: false });
    const validate = editor.compile(JSON.parse(await readFile(join(folder, schema), 'utf8')) as object);
    validate(parse(text));
    expect(validate.errors).toBeNull();
    expect(await relocate(['init', '--repository'], { cwd: folder })).toMatchObject({ exitCode: 0 });
  });

  test('leaves a relocate.yaml that is there as it is; with --force it is replaced', async () => {
    await writeFile(join(folder, 'relocate.yaml'), 'mine\n');
    const refused = await relocate(['init'], { cwd: folder });
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('is there already');
    expect(refused.stderr).toContain('relocate init --force');
    expect(await readFile(join(folder, 'relocate.yaml'), 'utf8')).toBe('mine\n');
    expect(await readdir(folder)).not.toContain('.relocate');
    expect(await relocate(['init', '--force'], { cwd: folder })).toMatchObject({ exitCode: 0 });
    expect(await readFile(join(folder, 'relocate.yaml'), 'utf8')).toContain('app: ');
  });

  test('writes relocate.yaml also where the schema has no room, and says so', async () => {
    await writeFile(join(folder, '.relocate'), 'a file');
    const made = await relocate(['init'], { cwd: folder });
    expect(made.exitCode).toBe(0);
    expect(made.stderr).toContain('editors cannot check relocate.yaml');
    expect(await readdir(folder)).toContain('relocate.yaml');
  });
});
