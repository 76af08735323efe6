import { z } from 'zod';
import { actionRoutesOf, refuseWhenLocked, startAction } from '../actions.ts';
import { labels, name, parse, refuseTaken } from '../bodies.ts';
import { ApiError, notFound } from '../errors.ts';
import { listReply, select } from '../list.ts';
import type { Resource, State } from '../state.ts';
import { type ApiRequest, created, ok, type Route, route, type World } from '../world.ts';

/** What all kinds of resources have in common. */
export interface Kind<R extends Resource> {
  /** `ssh_keys`: in paths and around lists. */
  collection: string;
  /** `ssh_key`: around one. */
  singular: string;
  /** As actions name it. */
  type: string;
  all(state: State): R[];
  /** As the API shows it. */
  show(world: World, resource: R): Record<string, unknown>;
}

export function findOne<R extends Resource>(kind: Kind<R>, { world, params }: ApiRequest): R {
  return findById(kind, world, Number(params['id']));
}

export function findById<R extends Resource>(kind: Kind<R>, world: World, id: number): R {
  const resource = kind.all(world.state).find((one) => one.id === id);
  if (resource === undefined) throw notFound(kind.singular, id);
  return resource;
}

export function referTo<R extends Resource>(kind: Kind<R>, resource: R) {
  return { id: resource.id, type: kind.type };
}

/** GET of all and of one, PUT of name and labels, and the actions about it. */
export function commonRoutes<R extends Resource>(kind: Kind<R>, more: z.ZodRawShape = {}): Route[] {
  const shape = z.object({ name: name.optional(), labels: labels.optional(), ...more });
  return [
    ...actionRoutesOf(kind.collection, kind.type),
    route('GET', `/${kind.collection}`, ({ world, query }) =>
      listReply(
        kind.collection,
        select(kind.all(world.state), query).map((one) => kind.show(world, one)),
        query,
      ),
    ),
    route('GET', `/${kind.collection}/:id`, (request) => {
      return ok({ [kind.singular]: kind.show(request.world, findOne(kind, request)) });
    }),
    route('PUT', `/${kind.collection}/:id`, (request) => {
      const resource = findOne(kind, request);
      const changes = parse(shape, request.body) as Partial<Resource>;
      refuseTaken(kind.all(request.world.state), changes.name, resource.id);
      Object.assign(
        resource,
        Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)),
      );
      return ok({ [kind.singular]: kind.show(request.world, resource) });
    }),
  ];
}

export function remove<R extends Resource>(kind: Kind<R>, world: World, resource: R): void {
  const all = kind.all(world.state);
  const index = all.indexOf(resource);
  if (index !== -1) all.splice(index, 1);
}

/** POST /…/actions/change_protection. */
export function protectionRoute<R extends Resource & { protection: object }>(kind: Kind<R>): Route {
  const schema = z.object({ delete: z.boolean().optional(), rebuild: z.boolean().optional() });
  return actionRoute(kind, 'change_protection', (request, resource) => {
    const wanted = parse(schema, request.body);
    return () => {
      if (wanted.delete !== undefined) Object.assign(resource.protection, { delete: wanted.delete });
      if (wanted.rebuild !== undefined && 'rebuild' in resource.protection) {
        Object.assign(resource.protection, { rebuild: wanted.rebuild });
      }
    };
  });
}

/**
 * POST /…/:id/actions/COMMAND with one action as the answer. `begin` checks the body and refuses, and returns the work
 * that the action then does.
 */
export function actionRoute<R extends Resource>(
  kind: Kind<R>,
  command: string,
  begin: (request: ApiRequest, resource: R) => (() => Promise<void> | void) | undefined,
  alsoAbout: (request: ApiRequest, resource: R) => { id: number; type: string }[] = () => [],
): Route {
  return route('POST', `/${kind.collection}/:id/actions/${command}`, (request) => {
    const resource = findOne(kind, request);
    const about = [referTo(kind, resource), ...alsoAbout(request, resource)];
    for (const one of about) refuseWhenLocked(request.world, one);
    const work = begin(request, resource);
    return created({ action: startAction(request.world, command, about, work) });
  });
}

export function refuseProtected(resource: { protection: { delete: boolean } }): void {
  if (resource.protection.delete) throw new ApiError('protected', 'deletion is protected');
}

export function refuseOverQuota(world: World, resource: string): void {
  if (world.faults.strike('quota', (fault) => fault.resource === resource) === undefined) return;
  const message = `${resource.replaceAll('_', ' ').replace(/s$/, '')} limit exceeded`;
  throw new ApiError('resource_limit_exceeded', message, { limits: [{ name: `${resource}_limit` }] });
}
