import { z } from 'zod';
import { change } from '../api.ts';
import { body, differs, type Kind } from '../kind.ts';
import { make, remover, show, updateCommon, updateProtection } from './simple.ts';

const volumeSchema = z.object({
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  size: z.number(),
  server: z.number().nullable(),
  location: z.object({ name: z.string() }),
  format: z.string().nullable(),
  linux_device: z.string(),
  protection: z.object({ delete: z.boolean() }),
});

const showVolume = (id: string) => show('volumes', 'volume', id, volumeSchema);

async function detach(id: string): Promise<void> {
  if ((await showVolume(id))?.server) await change('POST', `/volumes/${id}/actions/detach`, {});
}

export const volume: Kind = {
  inputs: ['name', 'size', 'location', 'serverId', 'format', 'automount', 'labels', 'deleteProtection'],
  replaces: ['location', 'format'],
  defaults: { labels: {}, deleteProtection: false },
  async create(inputs) {
    const { name, size, location, serverId, format, automount, labels } = inputs;
    const place = serverId === undefined ? { location } : { server: serverId, automount };
    const id = await make('volumes', 'volume', { name, size, format, labels, ...body(place) });
    await updateProtection('volumes', id, {}, inputs);
    return id;
  },
  async read(id) {
    const one = await showVolume(id);
    if (one === undefined) return undefined;
    const { name, labels, size, location, format, linux_device: linuxDevice } = one;
    return body({
      name,
      labels,
      size,
      location: location.name,
      serverId: one.server ?? 0,
      format: format ?? undefined,
      linuxDevice,
      deleteProtection: one.protection.delete,
    });
  },
  async update(id, olds, news) {
    await updateCommon('volumes', id, olds, news);
    await updateProtection('volumes', id, olds, news);
    if (differs(olds, news, 'size'))
      await change('POST', `/volumes/${id}/actions/resize`, { size: news['size'] });
    if (!differs(olds, news, 'serverId')) return;
    await detach(id);
    await change('POST', `/volumes/${id}/actions/attach`, { server: news['serverId'] });
  },
  async remove(id) {
    await detach(id);
    await remover('volumes')(id);
  },
};

/** Its ID is the volume's: a volume is attached once or not at all. */
export const volumeAttachment: Kind = {
  inputs: ['volumeId', 'serverId', 'automount'],
  replaces: ['volumeId', 'serverId'],
  defaults: {},
  async create({ volumeId, serverId, automount }) {
    await change(
      'POST',
      `/volumes/${String(volumeId)}/actions/attach`,
      body({ server: serverId, automount }),
    );
    return String(volumeId);
  },
  async read(id) {
    const server = (await showVolume(id))?.server;
    return server ? { volumeId: Number(id), serverId: server } : undefined;
  },
  update: async () => {},
  async remove(id, { serverId }) {
    // Attached elsewhere by now: not ours.
    if ((await showVolume(id))?.server === serverId) await detach(id);
  },
};
