import { RelocateError } from '../errors.ts';
import { startAgent } from '../hosts/agent/start.ts';
import type { Peer } from '../hosts/agent/peer.ts';
import { sshHost, type SshHost } from '../hosts/ssh/host.ts';
import { answerOf, openParams, type OpenParams } from './agent-protocol.ts';
import { clientKeyOf } from './host-access.ts';
import { hostOfWork, type HostWork } from './deploy-work.ts';
import type { HandedRepository } from './handover.ts';
import type { HostSteps } from './host-steps.ts';
import { patience } from './patience.ts';
import { serveStorages } from './serve-storage.ts';

type AgentWork = HostWork & { handover: readonly HandedRepository[] };

/** How often a step is begun again whose connection was lost. */
const maxAttempts = 6;
const keySettlesMs = 60_000;

/**
 * Steps done by an agent on the host. When the connection is lost, a new agent does the step that was under way again.
 * `deploys`: this one works on the deployment, and an agent that an earlier connection left behind is ended first.
 */
export function agentSteps(work: AgentWork, { deploys = true }: { deploys?: boolean } = {}): HostSteps {
  const output = hostOfWork(work);
  const privateKey = clientKeyOf(work.deriveSecret, work.plan.deployment).privateKey;
  // A machine that was made a moment ago still boots.
  const patienceMs = patience().bootMs;
  const host = sshHost(output, { emit: work.emit, privateKey, patienceMs, keySettlesMs });
  const storages = serveStorages(work.handover);
  let opening: Promise<Peer> | undefined;

  const opened = (signal: AbortSignal): Promise<Peer> => {
    const mine = (opening ??= open(host, work, storages.handlers, deploys, signal));
    void mine.then(
      (peer) => peer.ended.then(() => forget(mine)),
      () => forget(mine),
    );
    return mine;
  };
  const forget = (ended: Promise<Peer>) => {
    if (opening === ended) opening = undefined;
  };

  async function call(method: string, params: object, signal: AbortSignal): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const peer = await opened(signal);
        return (await peer.call(method, params, { signal })).result;
      } catch (error) {
        signal.throwIfAborted();
        if (!wasLost(error) || attempt === maxAttempts) throw error;
        const message = 'The connection to the host was lost in the middle of a step, which is done again.';
        work.emit({ type: 'warning', code: 'step-again', message });
      }
    }
  }

  return {
    serve: async (name, signal) => {
      const served = answerOf.served(await call('serve', { name }, signal));
      work.served.set(name, served);
      return served;
    },
    restore: async (part, signal) => {
      await call('restore', { part }, signal);
    },
    compare: async (part, signal) => answerOf.compared(await call('compare', { part }, signal)),
    start: async (name, signal) => answerOf.started(await call('start', { name }, signal)),
    check: async (how, signal) => answerOf.checked(await call('check', how, signal)),
    certificates: async (signal) => answerOf.certificates(await call('certificates', {}, signal)),
    services: async (signal) => answerOf.services(await call('services', {}, signal)),
    tidy: async (signal) => {
      await call('tidy', {}, signal);
    },
    async close() {
      const peer = await opening?.catch(() => undefined);
      peer?.close();
      await host.close();
      await storages.close();
    },
  };
}

async function open(
  host: SshHost,
  work: AgentWork,
  handlers: ReturnType<typeof serveStorages>['handlers'],
  deploys: boolean,
  signal: AbortSignal,
): Promise<Peer> {
  const peer = await startAgent(host, { emit: work.emit, signal, handlers });
  try {
    const params: OpenParams = await openParams(work, deploys);
    await peer.call('open', params, { signal });
    return peer;
  } catch (error) {
    peer.close();
    throw error;
  }
}

function wasLost(error: unknown): boolean {
  return error instanceof RelocateError && error.code === 'host-failed' && error.facts['lost'] === true;
}
