import { addressesOf, rulesOf } from './addresses.ts';
import { find } from './bodies.ts';
import { gigabyte, serverTypes } from './catalog.ts';
import type { Server } from './state.ts';
import type { World } from './world.ts';

/** What is done to machines when the API's servers change. Each can be run again. */

/** Servers whose port 22 a fault silenced when they were made. */
const silenced = new WeakMap<World, Set<number>>();

export async function enforceRules(world: World): Promise<void> {
  const rules = rulesOf(world, silenced.get(world) ?? new Set());
  await world.machines.setRules(rules);
}

export async function buildServer(world: World, server: Server): Promise<void> {
  const type = find(serverTypes, server.serverType);
  await world.machines.create({
    id: server.id,
    name: server.name,
    diskBytes: (type?.diskGb ?? 20) * gigabyte,
    addresses: addressesOf(world, server),
  });
  if (world.faults.strike('ssh-silent') !== undefined) {
    silenced.set(world, (silenced.get(world) ?? new Set()).add(server.id));
  }
  await enforceRules(world);
  for (const volume of world.state.volumes) {
    if (volume.server === server.id) await world.machines.plug(volume.id, server.id);
  }
}

export async function bootServer(world: World, server: Server): Promise<void> {
  server.status = 'starting';
  await world.machines.setAddresses(server.id, addressesOf(world, server));
  if (world.faults.strike('never-boots') === undefined) {
    await world.machines.start(server.id);
    haunt(world, server);
  }
  server.status = 'running';
}

export async function haltServer(world: World, server: Server, how: 'shutdown' | 'off'): Promise<void> {
  server.status = 'stopping';
  await world.machines.stop(server.id, how);
  server.status = 'off';
}

/** After the server is gone: what was its own goes, what is only attached stays. */
export async function demolishServer(world: World, server: Server): Promise<void> {
  const { state, machines } = world;
  server.status = 'deleting';
  for (const volume of state.volumes.filter((one) => one.server === server.id)) {
    await machines.unplug(volume.id);
    volume.server = undefined;
  }
  await machines.remove(server.id);
  for (const address of state.primaryIps.filter((one) => one.server === server.id)) {
    address.server = undefined;
    if (address.autoDelete) state.primaryIps.splice(state.primaryIps.indexOf(address), 1);
  }
  for (const address of state.floatingIps) if (address.server === server.id) address.server = undefined;
  for (const firewall of state.firewalls)
    firewall.servers = firewall.servers.filter((id) => id !== server.id);
  state.servers.splice(state.servers.indexOf(server), 1);
  await enforceRules(world);
}

/** Faults that come over a machine while it runs. */
function haunt(world: World, server: Server): void {
  const dying = world.faults.strike('dies');
  const full = world.faults.strike('disk-full') !== undefined;
  if (!world.machines.real || (dying === undefined && !full)) return;
  const timer = setInterval(() => void step().catch(() => undefined), 250).unref();
  const step = async () => {
    if (!world.machines.isRunning(server.id)) {
      clearInterval(timer);
      return;
    }
    if (full) await fillDisks(world, server.id);
    if (dying !== undefined && (await world.machines.receivedBytes(server.id)) >= dying.afterBytes) {
      clearInterval(timer);
      await world.machines.stop(server.id, 'off');
    }
  };
}

/** The root's disk, and each volume as soon as it is mounted, with what is set aside for root; once it has booted. */
async function fillDisks(world: World, id: number): Promise<void> {
  const script = `
    [ -e /run/cloud-init/result.json ] || exit 0
    for place in / $(awk '$1 ~ "^/dev/(loop|disk)" && $3 == "ext4" && $2 != "/var/lib/docker" { print $2 }' /proc/mounts); do
      room=$(stat --file-system --format='%f * %S / 1024' "$place")
      [ $(( $room )) -le 64 ] || fallocate --length $(( ($room - 32) * 1024 )) "$place/.full-$(date +%s%N)"
    done`;
  await world.machines.inside(id, ['sh', '-c', script]);
}
