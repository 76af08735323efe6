import { join } from 'node:path';
import { RelocateError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { Handler } from '../hosts/agent/peer.ts';
import { claimFolder } from '../hosts/claimed-folder.ts';
import type { Repository } from '../repository/repository.ts';
import type { Source } from '../sources/source.ts';
import { endEarlierAgent } from './agent-earlier.ts';
import type { OpenParams } from './agent-protocol.ts';
import { hostOfWork, type HostWork } from './deploy-work.ts';
import { directSteps, type HostSteps, type Part } from './host-steps.ts';
import { findPlaces } from './places.ts';
import { clustersOutside, removeCluster, stopServices } from './stop-services.ts';
import type { Plan } from './types.ts';

export interface AgentTools {
  emit: Emit;
  /** Opens one of the repositories that were handed over, by its number. To be closed by the caller. */
  openRepository: (at: number, url: string, password: string) => Promise<Repository>;
  sourceOf: (kind: string) => Source;
}

interface Opened {
  steps: HostSteps;
  repository: Lazy;
}

/** What an agent on a host does when it is asked: the steps of a deploy, as on the operator's own machine. */
export function agentHandlers(tools: AgentTools): {
  handlers: Record<string, Handler>;
  close(): Promise<void>;
} {
  let opened: Opened | undefined;
  const steps = (): HostSteps => {
    if (opened === undefined) throw new RelocateError('internal', 'The agent was not told what to work on.');
    return opened.steps;
  };
  return {
    handlers: {
      open: async (params) => {
        // The operator's own words, over a channel that only it can speak into.
        // oxlint-disable-next-line no-unsafe-type-assertion -- see above.
        opened = await open(params as OpenParams, tools);
        return undefined;
      },
      serve: step(({ name }, signal) => steps().serve(name, signal)),
      restore: step(async ({ part }, signal) => {
        await opened?.repository.get();
        await steps().restore(part, signal);
      }),
      compare: step(async ({ part }, signal) => {
        await opened?.repository.get();
        return steps().compare(part, signal);
      }),
      start: step(({ name }, signal) => steps().start(name, signal)),
      check: step(({ patient }, signal) => steps().check({ patient }, signal)),
      certificates: step((_params, signal) => steps().certificates(signal)),
      services: step((_params, signal) => steps().services(signal)),
      stop: step(async ({ plan }, signal) => {
        const clusters = await clustersOutside(plan);
        await stopServices(plan, signal);
        for (const cluster of clusters) await removeCluster(cluster);
      }),
      tidy: step((_params, signal) => steps().tidy(signal)),
    },
    async close() {
      await opened?.repository.close();
    },
  };
}

const step =
  (work: (params: StepParams, signal: AbortSignal) => Promise<unknown>): Handler =>
  async (params, { signal }) => ({
    // oxlint-disable-next-line no-unsafe-type-assertion -- the operator is this very program, of the same build.
    result: await work(params as StepParams, signal),
  });

interface StepParams {
  name: string;
  part: Part;
  patient: boolean;
  plan: Plan;
}

async function open(params: OpenParams, tools: AgentTools): Promise<Opened> {
  const { plan, saved, outputs, served, secrets, deploys } = params;
  const repository = lazily(params, tools);
  const work: HostWork = {
    plan,
    saved,
    outputs,
    folder: join(plan.folder, 'run'),
    places: findPlaces(saved.app, plan.folder),
    get repository() {
      return repository.opened();
    },
    deriveSecret: (purpose) => {
      const secret = secrets[purpose];
      if (secret === undefined) throw new RelocateError('internal', `The host was not given ${purpose}.`);
      return secret;
    },
    sourceOf: tools.sourceOf,
    emit: tools.emit,
    served: new Map(served),
  };
  if (deploys) {
    const { folder } = hostOfWork(work);
    await claimFolder(folder, plan.deployment);
    await endEarlierAgent(folder);
  }
  return { steps: directSteps(work), repository };
}

interface Lazy {
  get(): Promise<Repository>;
  /** Throws where `get` was not awaited before. */
  opened(): Repository;
  close(): Promise<void>;
}

/** The first of the repositories that opens and holds the snapshot. */
function lazily({ repositories, saved }: OpenParams, { openRepository }: AgentTools): Lazy {
  let opening: Promise<Repository> | undefined;
  let opened: Repository | undefined;
  const find = async (): Promise<Repository> => {
    let failure: unknown = new RelocateError('internal', 'No repository was handed over.');
    for (const [at, { url, password }] of repositories.entries()) {
      try {
        const repository = await openRepository(at, url, password);
        await repository.loadIndex();
        if (repository.hasBlob('tree', saved.snapshot.tree)) return (opened = repository);
        await repository.close();
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  };
  return {
    get: () => (opening ??= find()),
    opened() {
      if (opened === undefined) throw new RelocateError('internal', 'The repository is not open yet.');
      return opened;
    },
    close: async () => opened?.close(),
  };
}
