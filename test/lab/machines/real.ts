import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runWith } from './command.ts';
import { format, growDevice, makeDevice, removeDevice } from './disk.ts';
import { Machine } from './machine.ts';
import type { MachineAddresses, MachineRules, Machines, MachineSpec } from './machines.ts';
import * as network from './network.ts';
import { clearPlace, labName, machineName, type Place, takePlace } from './place.ts';
import { ruleset } from './ruleset.ts';

interface Volume {
  file: string;
  device: string;
  pluggedInto: number | undefined;
}

export interface RealOptions {
  /** The tree that machines boot from. */
  tree: string;
  /** Where the provider's metadata is served, at `operatorAddress`. */
  metadataPort: number;
}

/** Takes a place for the lab; machines come later, when the metadata has its port. */
export async function makePlace(): Promise<Place> {
  const place = await takePlace();
  try {
    await network.makeRouter(place.number);
    return place;
  } catch (error) {
    await clearPlace(place);
    throw error;
  }
}

/** Real machines. Linux and root; what it makes bears the lab's number. */
export async function realMachines(place: Place, options: RealOptions): Promise<Machines> {
  const lab = place.number;
  const machines = new Map<number, Machine>();
  const volumes = new Map<number, Volume>();
  const addresses = new Map<number, MachineAddresses>();
  let rules: readonly MachineRules[] = [];

  const machine = (id: number) => found(machines.get(id), `machine ${id}`);
  const volume = (id: number) => found(volumes.get(id), `volume ${id}`);

  async function enforce(): Promise<void> {
    const script = ruleset(
      {
        uplink: network.uplink,
        cable: (id) => machineName(lab, id),
        operatorIpv4: network.operatorIpv4(lab),
        operatorIpv6: network.operatorIpv6(lab),
        metadataPort: options.metadataPort,
        privateAddresses: [...addresses.values()].flatMap((one) => one.private),
      },
      rules.filter(({ id }) => machines.has(id)),
    );
    await runWith(script, 'ip', 'netns', 'exec', labName(lab), 'nft', '-f', '-');
  }

  await mkdir(join(place.folder, 'volumes'));
  await enforce();

  return {
    real: true,
    operatorAddress: network.operatorIpv4(lab),
    addresses: {
      ipv4: (number) => network.ipv4Of(lab, number),
      ipv6Network: (number) => network.ipv6NetworkOf(lab, number),
    },
    async create(spec: MachineSpec) {
      machines.set(spec.id, await Machine.create(lab, place.folder, options.tree, spec));
      addresses.set(spec.id, spec.addresses);
      await network.setAddresses(lab, spec.id, spec.addresses);
      await network.unplugCable(lab, spec.id);
      await enforce();
    },
    async start(id) {
      await network.plugCable(lab, id);
      await network.setAddresses(lab, id, found(addresses.get(id), `machine ${id}`));
      await machine(id).start();
    },
    async stop(id, how) {
      await machine(id).stop(how);
      // Else its namespace would go on answering that the port is closed, as only a running machine does.
      await network.unplugCable(lab, id);
    },
    isRunning: (id) => machines.get(id)?.isRunning ?? false,
    async remove(id) {
      await machines.get(id)?.remove();
      machines.delete(id);
      addresses.delete(id);
      await enforce();
    },
    async setAddresses(id, wanted) {
      addresses.set(id, wanted);
      if (machine(id).isRunning) await network.setAddresses(lab, id, wanted);
      await enforce();
    },
    async setRules(newRules) {
      rules = newRules;
      await enforce();
    },

    async createVolume(id, sizeBytes, type) {
      const file = join(place.folder, 'volumes', String(id));
      const device = await makeDevice(file, sizeBytes);
      volumes.set(id, { file, device, pluggedInto: undefined });
      if (type !== undefined) await format(device, type);
    },
    async growVolume(id, sizeBytes) {
      await growDevice(volume(id).device, volume(id).file, sizeBytes);
    },
    async removeVolume(id) {
      const one = volumes.get(id);
      if (one !== undefined) await removeDevice(one.device, one.file);
      volumes.delete(id);
    },
    async plug(id, machineId) {
      const one = volume(id);
      await machine(machineId).plug(nameOf(id), one.device);
      one.pluggedInto = machineId;
    },
    async unplug(id) {
      const one = volume(id);
      if (one.pluggedInto !== undefined) await machines.get(one.pluggedInto)?.unplug(nameOf(id));
      one.pluggedInto = undefined;
    },

    inside: (id, command) => machine(id).inside(command),
    receivedBytes: (id) => network.sentBytes(lab, id),
    console: (id) => machine(id).console(),
    async close() {
      await Promise.all([...machines.values()].map((one) => one.stop('off')));
      await clearPlace(place);
    },
  };
}

/** As the provider names its volumes; the device itself, where it has a link. */
const nameOf = (volume: number) => `disk/by-id/scsi-0HC_Volume_${volume}`;

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the lab has no ${what}`);
  return value;
}
