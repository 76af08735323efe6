import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  composeState,
  downCommand,
  findComposeObstacle,
  parseStatus,
  startCompose,
  stopCompose,
  upCommand,
  type Runner,
} from '../../src/hosts/compose.ts';
import { runLocally } from '../../src/hosts/local.ts';

/** A stand-in for docker that writes down its arguments: containers themselves are not run here. */
let folder: string;
let host: Runner;
const project = { name: 'guestbook-local-1', file: '/srv/guestbook/compose.yaml' };
const { signal } = new AbortController();
const options = { environment: { DB_PASSWORD: 'open-sesame-4711' }, timeoutMs: 1500, signal };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relocate-compose-'));
  host = {
    run: (command, more) => {
      const environment = { ...more?.environment, PATH: `${folder}:/usr/bin:/bin`, LOG: join(folder, 'log') };
      return runLocally(command, { ...more, environment });
    },
  };
});

afterEach(() => rm(folder, { recursive: true }));

async function installDocker(script: string): Promise<void> {
  const lines = ['#!/bin/sh', 'echo "$*" >> "$LOG"', script];
  await writeFile(join(folder, 'docker'), `${lines.join('\n')}\n`, { mode: 0o755 });
}

const calls = async () => (await readFile(join(folder, 'log'), 'utf8')).trim().split('\n');

describe('command lines', () => {
  test('wait until services are healthy', () => {
    expect(upCommand(project, 1500).join(' ')).toBe(
      'docker compose --project-name guestbook-local-1 --file /srv/guestbook/compose.yaml' +
        ' up --detach --wait --wait-timeout 2',
    );
  });

  test('remove volumes and what is no longer in the file', () => {
    expect(downCommand(project).join(' ')).toBe(
      'docker compose --project-name guestbook-local-1 down --volumes --remove-orphans',
    );
  });
});

describe('starting', () => {
  test('hands secrets over in the environment only', async () => {
    await installDocker('echo "$DB_PASSWORD" >> "$LOG.environment"');
    await startCompose(host, project, options);
    expect((await calls()).at(-1)).toBe(upCommand(project, 1500).slice(1).join(' '));
    expect((await calls()).join(' ')).not.toContain('open-sesame');
    expect(await readFile(join(folder, 'log.environment'), 'utf8')).toContain('open-sesame-4711');
  });

  test('says what Compose said when it fails', async () => {
    await installDocker('case "$*" in *" up "*) echo "port is already allocated" >&2; exit 1;; esac');
    await expect(startCompose(host, project, options)).rejects.toMatchObject({
      code: 'start-failed',
      facts: { reason: 'port is already allocated' },
    });
  });
});

describe('without', () => {
  test('docker: a missing tool', async () => {
    const bare: Runner = { run: (command) => runLocally([join(folder, command[0]!), ...command.slice(1)]) };
    expect(await findComposeObstacle(bare)).toMatchObject({ code: 'tool-missing' });
  });

  test('an engine that answers: the reason it gives', async () => {
    await installDocker('echo "Cannot connect to the Docker daemon" >&2; exit 1');
    await expect(startCompose(host, project, options)).rejects.toMatchObject({
      code: 'start-failed',
      facts: { reason: 'Cannot connect to the Docker daemon' },
    });
    await expect(stopCompose(host, project, options)).rejects.toMatchObject({ code: 'start-failed' });
  });

  test('the Compose plugin: a missing tool', async () => {
    await installDocker('case "$1" in compose) exit 1;; esac');
    expect(await findComposeObstacle(host)).toMatchObject({
      code: 'tool-missing',
      message: expect.stringContaining('plugin'),
    });
  });
});

describe('state', () => {
  const line =
    '{"Service":"web","Name":"guestbook-web-1","State":"running","Health":"healthy","Publishers":[]}';
  const web = { service: 'web', container: 'guestbook-web-1', state: 'running', health: 'healthy' };

  test('is read from one object a line, from an array, and from nothing', () => {
    expect(parseStatus(`${line}\n${line}\n`)).toEqual([web, web]);
    expect(parseStatus(`[${line}]`)).toEqual([web]);
    expect(parseStatus('\n')).toEqual([]);
  });

  test('is asked of Compose', async () => {
    await installDocker(`echo '${line}'`);
    expect(await composeState(host, project, options)).toEqual([web]);
  });
});
