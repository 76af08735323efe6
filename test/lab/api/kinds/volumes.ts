import { z } from 'zod';
import { now, startAction } from '../actions.ts';
import { id, labels, name, parse, refuseTaken, required } from '../bodies.ts';
import { gigabyte } from '../catalog.ts';
import { ApiError, invalidInput } from '../errors.ts';
import { newId, type Server, type Volume } from '../state.ts';
import { created, gone, type Route, route, type World } from '../world.ts';
import { showLocation } from './catalog.ts';
import {
  actionRoute,
  commonRoutes,
  findOne,
  type Kind,
  protectionRoute,
  referTo,
  refuseOverQuota,
  refuseProtected,
  remove,
} from './kind.ts';
import { locationOf } from './primary-ips.ts';

export const volumeKind: Kind<Volume> = {
  collection: 'volumes',
  singular: 'volume',
  type: 'volume',
  all: (state) => state.volumes,
  show: (_world, one) => ({
    id: one.id,
    name: one.name,
    labels: one.labels,
    created: one.created,
    status: 'available',
    server: one.server ?? null,
    location: showLocation(one.location),
    size: one.sizeGb,
    format: one.format,
    linux_device: `/dev/disk/by-id/scsi-0HC_Volume_${one.id}`,
    protection: one.protection,
  }),
};

/** In GB, as the provider sells them. */
const size = z.number().int().min(10).max(10_240);
const wanted = z.object({
  name,
  size,
  location: z.union([z.string(), z.number()]).optional(),
  server: id.nullish(),
  format: z.enum(['ext4', 'xfs']).nullish(),
  automount: z.boolean().nullish(),
  labels: labels.default({}),
});

export const volumeRoutes: Route[] = [
  ...commonRoutes(volumeKind),
  protectionRoute(volumeKind),
  route('POST', '/volumes', ({ world, body }) => {
    const { name, size, format, labels, ...rest } = parse(wanted, body);
    refuseTaken(world.state.volumes, name);
    const server = world.state.servers.find((one) => one.id === rest.server);
    if (typeof rest.server === 'number' && server === undefined)
      throw invalidInput('server', 'unknown server');
    const location = server?.location ?? required(locationOf(rest), 'location');
    refuseOverQuota(world, 'volumes');
    const base = { id: newId(world.state), name, labels, created: now(), protection: { delete: false } };
    const volume: Volume = { ...base, sizeGb: size, format: format ?? null, location, server: undefined };
    world.state.volumes.push(volume);
    const about = [referTo(volumeKind, volume)];
    const action = startAction(world, 'create_volume', about, async () => {
      await world.machines.createVolume(volume.id, size * gigabyte, format ?? undefined);
      if (server !== undefined) await attach(world, volume, server);
    });
    const next_actions = server === undefined ? [] : [startAction(world, 'attach_volume', about)];
    return created({ volume: volumeKind.show(world, volume), action, next_actions });
  }),
  route('DELETE', '/volumes/:id', async (request) => {
    const { world } = request;
    const volume = findOne(volumeKind, request);
    refuseProtected(volume);
    if (volume.server !== undefined) throw new ApiError('resource_in_use', 'volume is attached to a server');
    remove(volumeKind, world, volume);
    await world.machines.removeVolume(volume.id);
    return gone();
  }),
  actionRoute(
    volumeKind,
    'attach',
    ({ world, body }, volume) => {
      const server = serverIn(world, body);
      if (volume.server !== undefined)
        throw new ApiError('volume_already_attached', 'volume is already attached');
      if (server.location !== volume.location) throw invalidInput('server', 'server is in another location');
      return () => attach(world, volume, server);
    },
    ({ world, body }) => [{ id: serverIn(world, body).id, type: 'server' }],
  ),
  actionRoute(volumeKind, 'detach', ({ world }, volume) => {
    if (volume.server === undefined) throw new ApiError('conflict', 'volume is not attached');
    return async () => {
      await world.machines.unplug(volume.id);
      volume.server = undefined;
    };
  }),
  actionRoute(volumeKind, 'resize', ({ world, body }, volume) => {
    const wanted = parse(z.object({ size }), body).size;
    if (wanted <= volume.sizeGb) throw invalidInput('size', 'must be larger than the current size');
    return async () => {
      await world.machines.growVolume(volume.id, wanted * gigabyte);
      volume.sizeGb = wanted;
    };
  }),
];

function serverIn(world: World, body: unknown): Server {
  const { server } = parse(z.object({ server: id, automount: z.boolean().nullish() }), body);
  return required(
    world.state.servers.find((one) => one.id === server),
    'server',
  );
}

async function attach(world: World, volume: Volume, server: Server): Promise<void> {
  volume.server = server.id;
  await world.machines.plug(volume.id, server.id);
}
