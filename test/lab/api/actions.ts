import { setTimeout as delay } from 'node:timers/promises';
import { ApiError, notFound } from './errors.ts';
import { listReply } from './list.ts';
import { type Action, newId } from './state.ts';
import { ok, type Route, route, type World } from './world.ts';

type Reference = Action['resources'][number];

/**
 * Begins an action: it is running, its work is done in the background, then it has succeeded or failed; one that follows
 * another begins its work when that has succeeded. Meanwhile the
 * servers and volumes that it is about are locked.
 */
export function startAction(
  world: World,
  command: string,
  resources: readonly Reference[],
  work: () => Promise<void> | void = () => undefined,
  follows?: Action,
): Action {
  const action: Action = {
    id: newId(world.state),
    status: 'running',
    command,
    progress: 0,
    started: now(),
    finished: null,
    error: null,
    resources: [...resources],
  };
  world.state.actions.push(action);
  const done = perform(world, action, work, follows);
  world.background.add(done);
  void done.finally(() => world.background.delete(done));
  return action;
}

async function perform(
  world: World,
  action: Action,
  work: () => Promise<void> | void,
  follows: Action | undefined,
): Promise<void> {
  const concerns = (fault: { command?: string }) =>
    fault.command === undefined || fault.command === action.command;
  const waits = () => follows?.status === 'running' && !world.stuck.has(follows.id);
  while (waits()) await delay(5);
  if (follows?.status === 'running' || world.faults.strike('stuck-actions', concerns) !== undefined) {
    world.stuck.add(action.id);
    return;
  }
  const fails = world.faults.strike('failing-actions', concerns) !== undefined;
  const slow = world.faults.strike('slow-actions', concerns)?.delayMs ?? 0;
  await delay((world.actionMs + slow) / 2, undefined, { ref: false });
  action.progress = 50;
  await delay((world.actionMs + slow) / 2, undefined, { ref: false });
  try {
    if (follows?.status === 'error') throw new ApiError('server_error', `${follows.command} failed`);
    if (fails) throw new ApiError('server_error', 'the action failed');
    await work();
    action.status = 'success';
  } catch (error) {
    action.status = 'error';
    action.error = { code: 'action_failed', message: error instanceof Error ? error.message : String(error) };
  }
  action.progress = 100;
  action.finished = now();
}

/** Refuses while another action about it is running: servers and volumes do one thing at a time. */
export function refuseWhenLocked(world: World, reference: Reference): void {
  const oneAtATime = reference.type === 'server' || reference.type === 'volume';
  if (oneAtATime && isLocked(world, reference)) throw new ApiError('locked', `${reference.type} is locked`);
}

/** What never ends would keep its server for ever; deleting it ends that, too. */
export function giveUpStuck({ state, stuck }: World, reference: Reference): void {
  for (const action of state.actions) {
    if (!stuck.has(action.id) || action.status !== 'running' || !mentions(action.resources, reference))
      continue;
    Object.assign(action, { status: 'error', progress: 100, finished: now() });
    action.error = { code: 'action_failed', message: 'given up' };
  }
}

export function isLocked(world: World, reference: Reference): boolean {
  return world.state.actions.some(
    ({ status, resources }) => status === 'running' && mentions(resources, reference),
  );
}

function mentions(resources: readonly Reference[], { id, type }: Reference): boolean {
  return resources.some((one) => one.id === id && one.type === type);
}

/** The actions of all, or those about the resources of one collection. */
export const actionRoutes: Route[] = [
  route('GET', '/actions', ({ world, query }) => listReply('actions', byId(world, query), query)),
  route('GET', '/actions/:id', ({ world, params }) => ok({ action: findAction(world, params['id']) })),
];

export function actionRoutesOf(collection: string, type: string): Route[] {
  const about = (world: World) =>
    world.state.actions.filter(({ resources }) => resources.some((one) => one.type === type));
  return [
    route('GET', `/${collection}/actions`, ({ world, query }) => listReply('actions', about(world), query)),
    route('GET', `/${collection}/actions/:action`, ({ world, params }) =>
      ok({ action: findAction(world, params['action']) }),
    ),
    route('GET', `/${collection}/:id/actions`, ({ world, params, query }) => {
      const reference = { id: Number(params['id']), type };
      return listReply(
        'actions',
        about(world).filter(({ resources }) => mentions(resources, reference)),
        query,
      );
    }),
    route('GET', `/${collection}/:id/actions/:action`, ({ world, params }) =>
      ok({ action: findAction(world, params['action']) }),
    ),
  ];
}

function byId({ state }: World, query: URLSearchParams): Action[] {
  const ids = query.getAll('id').map(Number);
  return ids.length === 0 ? state.actions : state.actions.filter(({ id }) => ids.includes(id));
}

function findAction({ state }: World, id: string | undefined): Action {
  const action = state.actions.find((one) => one.id === Number(id));
  if (action === undefined) throw notFound('action', id ?? '');
  return action;
}

/** As the provider writes moments. */
export function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, '+00:00');
}
