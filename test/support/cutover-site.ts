import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dns } from '../../src/app/app.ts';
import { exchange, randomId } from '../../src/dns/exchange.ts';
import { openZone } from '../../src/dns/index.ts';
import { classes, encodeMessage, responseCode, types, valueOf } from '../../src/dns/wire.ts';
import type { CutoverInput } from '../../src/relocation/cutover.ts';
import { createDeployment } from '../../src/relocation/deployments.ts';
import type { Plan } from '../../src/relocation/types.ts';
import { type Bind, startBind } from './servers/bind.ts';

/** An app with names in a real zone, a deployment of it as its journal tells of it, and a web server that plays the app. */
export interface CutoverSite {
  bind: Bind;
  folder: string;
  stateFolder: string;
  dns: Dns;
  /** What the app answers from now on. */
  answer(status: number): void;
  /** Host headers it was asked with. */
  asked: string[];
  input(change?: Partial<CutoverInput>): CutoverInput;
  deploy(target: string, address: string): Promise<string>;
  /** Asks for a name every 50 ms, as the world does, until stopped; gives each different answer in the order seen. */
  sample(name: string): { stop: () => Promise<Sample> };
  remove(): Promise<void>;
}

export interface Sample {
  asked: number;
  /** Answers without the repetitions: `192.0.2.1`, `NOTHING ENODATA`. */
  seen: string[];
}

export const records = [
  '@ 2 IN A 192.0.2.1',
  '@ 2 IN A 192.0.2.2',
  '@ 2 IN AAAA 2001:db8::1',
  '@ IN TXT "kept"',
  'www 2 IN CNAME old-host.example.net.',
  'app 3 IN A 192.0.2.1',
  'other 300 IN A 203.0.113.9',
];

export async function makeCutoverSite(): Promise<CutoverSite> {
  const folder = await mkdtemp(join(tmpdir(), 'relocate-cutover-'));
  const bind = await startBind(records);
  const asked: string[] = [];
  let status = 200;
  const app: Server = createServer((request, response) => {
    asked.push(request.headers.host ?? '');
    response.writeHead(request.url === '/healthz' ? status : 404).end('the app');
  }).listen(0, '127.0.0.1');
  await once(app, 'listening');
  const { port } = app.address() as AddressInfo;
  const stateFolder = join(folder, 'state');
  const dns: Dns = {
    zone: bind.zone,
    names: [bind.zone, `www.${bind.zone}`, `app.${bind.zone}`],
    ttlSeconds: 1,
    servers: [bind.server],
    provider: { kind: 'rfc2136', server: bind.server, keyFile: bind.keys.right },
  };
  let count = 0;
  const site: CutoverSite = {
    bind,
    folder,
    stateFolder,
    dns,
    asked,
    answer: (next) => {
      status = next;
    },
    input: (change = {}) => ({
      stateFolder,
      app: 'guestbook',
      dns,
      checks: [{ kind: 'http', path: '/healthz', status: 200 }],
      services: ['web'],
      target: 'local',
      openZone: (one, say, signal) => openZone(one, { environment: {}, signal, say }),
      checkDeployment: () =>
        Promise.resolve([
          { title: 'its own check', outcome: 'passed', detail: 'as it should be', durationMs: 1 },
        ]),
      confirm: () => Promise.resolve(true),
      force: false,
      allowGap: false,
      wait: true,
      dryRun: false,
      patienceMs: 5_000,
      ...change,
    }),
    deploy: async (target, address) => {
      count += 1;
      const deployment = `guestbook-${target}-20260131t12000${count}`;
      await deployed(stateFolder, { target, deployment, address, port });
      return deployment;
    },
    sample: (name) => sample(bind, name),
    remove: async () => {
      app.close();
      app.closeAllConnections();
      await bind.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await site.deploy('local', '127.0.0.1');
  return site;
}

async function deployed(
  stateFolder: string,
  {
    target,
    deployment,
    address,
    port,
  }: { target: string; deployment: string; address: string; port: number },
): Promise<void> {
  const plan: Plan = {
    planVersion: 1,
    app: 'guestbook',
    target,
    deployment,
    folder: join(stateFolder, 'host'),
    snapshot: { id: 'ab12', time: '2026-01-31T11:00:00.000Z', sizeBytes: 1, ageMs: 1 },
    steps: [],
    environment: [],
    expectedMs: undefined,
  };
  const host = {
    name: 'host',
    address,
    transport: { kind: 'local' },
    folder: plan.folder,
    ports: { web: port },
  };
  const at = '2026-01-31T12:00:00.000Z';
  const done = (step: string, result: unknown) =>
    ({ type: 'done', step, at, durationMs: 1, result }) as const;
  await createDeployment(stateFolder, plan, { id: 'r', url: 'file:/r' }, new Date(at), [
    done('provision', { hosts: [host] }),
    done('verify', { outcome: 'passed' }),
  ]);
}

/** One question each, so that nothing can change between two of them. */
function sample(bind: Bind, name: string): { stop: () => Promise<Sample> } {
  const { signal } = new AbortController();
  const server = { host: '127.0.0.1', port: bind.port };
  const seen: string[] = [];
  let asked = 0;
  const ask = async () => {
    asked += 1;
    const questions = [{ name, type: types.A, class: classes.IN }];
    const empty = { answers: [], authorities: [], additionals: [] };
    const question = encodeMessage({ id: randomId(), flags: 0, questions, ...empty });
    const message = await exchange(server, question, { signal });
    const values = message.answers.map((record) => valueOf(record) ?? '').toSorted();
    const answer = values.length === 0 ? `NOTHING ${responseCode(message)}` : values.join(' ');
    if (seen.at(-1) !== answer) seen.push(answer);
  };
  const open = new Set<Promise<void>>();
  const timer = setInterval(() => {
    const one = ask().finally(() => open.delete(one));
    open.add(one);
  }, 50);
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(open);
      return { asked, seen };
    },
  };
}
