import { randomBytes } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { metadataServer } from './api/metadata.ts';
import { apiServer, type LoggedRequest } from './api/server.ts';
import { emptyState, type State } from './api/state.ts';
import type { World } from './api/world.ts';
import { Faults } from './faults.ts';
import type { Machines } from './machines/machines.ts';
import { noMachines } from './machines/none.ts';
import { operatorIpv4 } from './machines/network.ts';
import { clearPlace } from './machines/place.ts';
import { makePlace, realMachines } from './machines/real.ts';
import { pluginFolder } from './plugin/folder.ts';

export { type Fault, randomFault } from './faults.ts';

export interface LabOptions {
  /** `real` (the default) boots machines: Linux and root; `none` is the API alone, and takes no time to start. */
  machines?: 'real' | 'none';
  /** How long an action takes at least. Default: 50 ms. */
  actionMs?: number;
}

/** A provider of one's own: its API, its machines, its moods. */
export interface Lab extends AsyncDisposable {
  /** Ends in /v1. */
  apiUrl: string;
  token: string;
  /** A token that may only read. */
  readonlyToken: string;
  /** What a program needs in its environment to deploy here: endpoint, token, and PATH with the provider plugin. */
  environment: { HCLOUD_ENDPOINT: string; HCLOUD_TOKEN: string; PATH: string };
  /** Where the lab's machines reach what listens on this machine. */
  operatorAddress: string;
  faults: Faults;
  /** All changing calls so far, in their order. */
  requests: LoggedRequest[];
  /** What the project holds, as data. To be read. */
  state: State;
  machines: Machines;
  /** Resolves when no action is running but those that are stuck for good. */
  settled(): Promise<void>;
  /** Leaves nothing. */
  close(): Promise<void>;
}

const tree = fileURLToPath(new URL('../../.tools/lab', import.meta.url));

/** Why real machines can't be had here; undefined when they can. For tests to skip with. */
export function whyNoMachines(): string | undefined {
  if (process.platform !== 'linux') return 'the lab needs Linux';
  if (process.getuid?.() !== 0) return 'the lab needs root';
  return existsSync(tree) ? undefined : 'the lab is not built: run bin/setup --for test';
}

export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const real = options.machines !== 'none';
  const problem = real ? whyNoMachines() : undefined;
  if (problem !== undefined) throw new Error(problem);
  // Where the official plugin can be had, the same tests run with that one.
  const official = process.env['RELOCATE_LAB_PLUGIN'] === 'official';
  const place = real ? await makePlace() : undefined;
  const plugin = await pluginFolder(place?.folder);
  const faults = new Faults();
  const requests: LoggedRequest[] = [];
  const state = emptyState();
  const world: World = {
    state,
    faults,
    machines: noMachines(),
    actionMs: options.actionMs ?? 50,
    stuck: new Set(),
    background: new Set(),
  };
  const token = randomBytes(32).toString('hex');
  const readonlyToken = randomBytes(32).toString('hex');
  const metadata = metadataServer(world);
  const api = apiServer(world, { token, readonlyToken, requests });
  try {
    if (place !== undefined) {
      const metadataPort = await listen(metadata, operatorIpv4(place.number));
      world.machines = await realMachines(place, { tree: realpathSync(tree), metadataPort });
    }
    const apiUrl = `http://127.0.0.1:${await listen(api, '127.0.0.1')}/v1`;
    const close = once(async () => {
      await Promise.all([shut(api), shut(metadata)]);
      await Promise.allSettled(world.background);
      await world.machines.close();
      await plugin.remove();
    });
    return {
      apiUrl,
      token,
      readonlyToken,
      faults,
      requests,
      state,
      machines: world.machines,
      close,
      environment: {
        HCLOUD_ENDPOINT: apiUrl,
        HCLOUD_TOKEN: token,
        PATH: [...(official ? [] : [plugin.path]), process.env['PATH'] ?? ''].join(delimiter),
      },
      operatorAddress: world.machines.operatorAddress,
      async settled() {
        while (world.background.size > 0) await Promise.allSettled(world.background);
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await Promise.all([shut(api), shut(metadata)]);
    if (place !== undefined) await clearPlace(place);
    await plugin.remove();
    throw error;
  }
}

async function listen(server: HttpServer, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, host, resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function shut(server: HttpServer): Promise<void> {
  server.closeAllConnections();
  if (server.listening) await new Promise((resolve) => server.close(resolve));
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}
