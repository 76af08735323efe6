import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { addKeys, findSecrets, leadOf, sealKeys } from '../../src/relocation/deployment-keys.ts';
import { deploymentLayout } from '../../src/relocation/layout.ts';
import { createRepository } from '../../src/repository/index.ts';
import type { Repository, RepositoryCopy } from '../../src/repository/repository.ts';
import { LocalStorage } from '../../src/storage/local.ts';

const deployment = 'notes-local-20260131t120000';

describe('what a deployment’s secrets are derived from, with three copies whose keys differ', () => {
  let parent: string;
  let folder: string;
  const opened: Repository[] = [];
  const copies: RepositoryCopy[] = [];

  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'relocate-keys-'));
    for (const name of ['a', 'b', 'c']) {
      const repository = await createRepository(new LocalStorage(join(parent, name)), `password of ${name}`);
      opened.push(repository);
      copies.push(...repository.copies);
    }
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(parent, 'deployment-'));
  });
  afterAll(async () => {
    for (const repository of opened) await repository.close();
    await rm(parent, { recursive: true, force: true });
  });

  /** A repository behind which those copies stand. */
  const together = (...at: number[]) =>
    ({ ...opened[0], copies: at.flatMap((one) => copies[one] ?? []) }) as unknown as Repository;
  const leadId = () => copies[0]?.key?.id ?? '';
  const secretBy = async (repository: Repository) =>
    (await findSecrets(repository, { deployment, folder, leadId: leadId() }))?.('a purpose');
  const begin = async (repository: Repository) => {
    const text = sealKeys(repository, deployment, leadOf(repository).id);
    if (text !== undefined) await writeFile(deploymentLayout.keys(folder), text);
    return text;
  };

  test('a single repository stores nothing, and always derives the same', async () => {
    expect(await begin(together(0))).toBeUndefined();
    const secret = await secretBy(together(0));
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(await secretBy(together(0))).toBe(secret);
    expect(await secretBy(together(1, 2))).toBeUndefined();
  });

  test('each copy that was there at the beginning is enough by itself', async () => {
    await begin(together(0, 1, 2));
    const secret = await secretBy(together(0));
    expect(secret).toBeDefined();
    expect([await secretBy(together(1)), await secretBy(together(2))]).toEqual([secret, secret]);
  });

  test('a copy that came later is enough once the deploy was gone on with', async () => {
    await begin(together(0, 1));
    const secret = await secretBy(together(0));
    expect(await secretBy(together(2))).toBeUndefined();
    await addKeys(together(0, 2), { deployment, folder, leadId: leadId() });
    expect([await secretBy(together(1)), await secretBy(together(2))]).toEqual([secret, secret]);
  });

  test('the file tells neither the secret nor what it is derived from', async () => {
    await begin(together(0, 1, 2));
    const text = await readFile(deploymentLayout.keys(folder), 'utf8');
    const root = copies[0]?.key?.deriveSecret(`deployment/${deployment}`) ?? 'none';
    const forms = [root, (await secretBy(together(0))) ?? 'none'].flatMap((secret) => [
      secret,
      Buffer.from(secret, 'hex').toString('base64'),
    ]);
    expect(forms.filter((form) => text.includes(form))).toEqual([]);
  });

  test.each(['flipped', 'of another deployment', 'cut off', 'no JSON'])(
    'a file that is %s gives no secret but by the lead',
    async (damage) => {
      const text = (await begin(together(0, 1))) ?? '';
      const { sealed } = JSON.parse(text) as { sealed: Record<string, string> };
      const id = copies[1]?.key?.id ?? '';
      const bytes = Buffer.from(sealed[id] ?? '', 'base64');
      if (damage === 'flipped') bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20);
      if (damage === 'cut off') bytes.fill(0, 20);
      const kept = damage === 'cut off' ? bytes.subarray(0, 20) : bytes;
      const other = sealKeys(together(0, 1), 'notes-local-20260131t120001', leadId()) ?? '';
      const damaged =
        damage === 'of another deployment'
          ? other
          : damage === 'no JSON'
            ? text.slice(0, -10)
            : JSON.stringify({ ...(JSON.parse(text) as object), sealed: { [id]: kept.toString('base64') } });
      await writeFile(deploymentLayout.keys(folder), damaged);
      expect(await secretBy(together(1))).toBeUndefined();
      expect(await secretBy(together(0))).toMatch(/^[0-9a-f]{64}$/);
    },
  );
});
