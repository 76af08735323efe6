import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { drawPicture } from '../../examples/demo/picture.ts';
import type { DeployReport } from '../../src/relocation/types.ts';
import { startLab, whyNoMachines, type Lab } from '../lab/index.ts';
import { hcloud } from '../lab/support/hcloud.ts';
import { relocate, resultOf } from '../support/cli.ts';
import { startComposeGuestbook, type ComposeGuestbook } from '../support/compose-guestbook.ts';
import { hasDocker } from '../support/docker.ts';

const problem = whyNoMachines() ?? (hasDocker ? undefined : 'needs what bin/setup --for test brings');
const suite = problem === undefined ? describe : describe.skip;

suite(
  `a Compose app to hetzner, on a real machine of the lab${problem === undefined ? '' : ` (${problem})`}`,
  () => {
    let lab: Lab;
    let book: ComposeGuestbook;

    beforeAll(async () => {
      [lab, book] = await Promise.all([startLab(), startComposeGuestbook()]);
    }, 180_000);
    afterAll(async () => {
      await book?.remove();
      await lab?.close();
    }, 60_000);

    const run = (...args: string[]) => {
      const state = ['--state', join(book.folder, 'state')];
      const { PATH, ...engine } = book.engine.environment;
      return relocate(['-r', `file:${join(book.folder, 'repository')}`, ...state, ...args, '--json'], {
        cwd: args[0] === 'snapshot' ? book.appFolder : book.folder,
        env: { ...engine, ...lab.environment, PATH: `${lab.environment.PATH}:${PATH}`, HOME: book.folder },
      });
    };
    const post = async (path: string, body: string | Uint8Array<ArrayBuffer>): Promise<Response> => {
      const answer = await fetch(`${book.url}${path}`, { method: 'POST', body });
      expect(answer.status).toBe(201);
      return answer;
    };

    test('comes back with entries, uploads and sessions from the repository alone, and destroy leaves nothing', async () => {
      const picture = new Uint8Array(drawPicture(4711));
      const { picture: name } = (await (await post('/pictures', picture)).json()) as { picture: string };
      for (const author of ['Ada', 'Grace', 'Edsger'])
        await post('/entries', JSON.stringify({ author, message: `${author} was here`, picture: name }));
      const signedIn = await post('/session', JSON.stringify({ name: 'Barbara' }));
      const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? '';
      const entries = await (await fetch(`${book.url}/entries.json`)).json();

      expect(await run('init', '--repository')).toMatchObject({ exitCode: 0 });
      const snapshot = await run('snapshot');
      expect(snapshot.exitCode === 0 ? '' : snapshot.stdout.slice(-3000)).toBe('');
      // The hooks let go of what they paused.
      expect((await fetch(`${book.url}/healthz`)).status).toBe(200);
      await book.engine.docker('compose', '--project-directory', book.appFolder, 'down', '--volumes');
      await rm(book.appFolder, { recursive: true });

      const deployed = await run('deploy', '--to', 'hetzner');
      expect(deployed.exitCode === 0 ? '' : deployed.stdout.slice(-4000) + deployed.stderr).toBe('');
      const report = resultOf<DeployReport>(deployed);
      const outcomes = report.data.map(({ name: data, outcome }) => `${data} ${outcome}`);
      expect(outcomes).toEqual(expect.arrayContaining(['state passed', 'sessions passed', 'db passed']));
      const checks = new Map(report.checks?.map(({ title, outcome }) => [title, outcome]));
      for (const service of ['web', 'db', 'redis'])
        expect(checks.get(`service ${service} runs`)).toBe('passed');
      expect(checks.get('the world reaches it')).toBe('passed');

      const ip = report.services.find(({ name: service }) => service === 'web')?.address.replace(/:\d+$/, '');
      const get = (path: string) => fetch(`http://${ip}${path}`, { headers: { cookie } });
      expect(await (await get('/session.json')).json()).toEqual({ name: 'Barbara' });
      expect(await (await get('/entries.json')).json()).toEqual(entries);
      expect(new Uint8Array(await (await get(`/pictures/${name}`)).arrayBuffer())).toEqual(picture);
      expect(await hcloud(lab, 'server', 'list')).toContain(report.deployment);

      expect(await run('destroy', '--to', 'hetzner')).toMatchObject({ exitCode: 0 });
      for (const kind of ['server', 'volume', 'primary-ip', 'network', 'firewall', 'ssh-key'])
        expect(await hcloud(lab, kind, 'list', '-o', 'noheader')).toBe('');
    }, 300_000);
  },
);
