import { z } from 'zod';
import { now } from '../actions.ts';
import { labels, name, parse, refuseTaken } from '../bodies.ts';
import { ApiError } from '../errors.ts';
import { newId, type PlacementGroup, type State } from '../state.ts';
import { created, gone, type Route, route } from '../world.ts';
import { commonRoutes, findOne, type Kind, remove } from './kind.ts';

export const placementGroupKind: Kind<PlacementGroup> = {
  collection: 'placement_groups',
  singular: 'placement_group',
  type: 'placement_group',
  all: (state) => state.placementGroups,
  show: ({ state }, { id, name, labels, created, type }) => ({
    id,
    name,
    labels,
    created,
    type,
    servers: members(state, id),
  }),
};

const members = ({ servers }: State, group: number) =>
  servers.filter(({ placementGroup }) => placementGroup === group).map(({ id }) => id);

const wanted = z.object({ name, type: z.literal('spread'), labels: labels.default({}) });

export const placementGroupRoutes: Route[] = [
  ...commonRoutes(placementGroupKind),
  route('POST', '/placement_groups', ({ world, body }) => {
    const facts = parse(wanted, body);
    refuseTaken(world.state.placementGroups, facts.name);
    const group: PlacementGroup = { ...facts, id: newId(world.state), created: now() };
    world.state.placementGroups.push(group);
    return created({ placement_group: placementGroupKind.show(world, group), action: null });
  }),
  route('DELETE', '/placement_groups/:id', (request) => {
    const group = findOne(placementGroupKind, request);
    if (members(request.world.state, group.id).length > 0) {
      throw new ApiError('resource_in_use', 'placement group has servers');
    }
    remove(placementGroupKind, request.world, group);
    return gone();
  }),
];
