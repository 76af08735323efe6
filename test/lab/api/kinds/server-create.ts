import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { now, startAction } from '../actions.ts';
import { find, hostName, id, idOrName, labels, parse, refuseTaken, required } from '../bodies.ts';
import * as catalog from '../catalog.ts';
import { ApiError, invalidInput } from '../errors.ts';
import { freeAddress } from '../ip-ranges.ts';
import { bootServer, buildServer } from '../servers-work.ts';
import { type Network, newId, type PrimaryIp, type Server, type SshKey, type Volume } from '../state.ts';
import { created, type Route, route, type World } from '../world.ts';
import { isAvailable } from './catalog.ts';
import { refuseOverQuota } from './kind.ts';
import { addPrimaryIp, locationOf } from './primary-ips.ts';
import { serverKind } from './servers.ts';

const wanted = z.object({
  name: hostName,
  server_type: idOrName,
  image: idOrName,
  location: z.string().optional(),
  datacenter: z.string().optional(),
  ssh_keys: z.array(idOrName).default([]),
  user_data: z
    .string()
    .max(32 * 1024, 'must be at most 32 KiB')
    .default(''),
  start_after_create: z.boolean().default(true),
  labels: labels.default({}),
  volumes: z.array(id).default([]),
  automount: z.boolean().optional(),
  networks: z.array(id).default([]),
  firewalls: z.array(z.object({ firewall: id })).default([]),
  placement_group: id.optional(),
  public_net: z
    .object({
      enable_ipv4: z.boolean().default(true),
      enable_ipv6: z.boolean().default(true),
      ipv4: id.nullish(),
      ipv6: id.nullish(),
    })
    .prefault({}),
});

type Wanted = z.infer<typeof wanted>;

/** What a request's IDs and names are about; each that is unknown, or not free, is refused before anything is made. */
interface Found {
  type: catalog.ServerType;
  image: catalog.Image;
  location: string;
  keys: SshKey[];
  volumes: Volume[];
  networks: Network[];
  addresses: Record<'ipv4' | 'ipv6', PrimaryIp | undefined>;
}

export const serverCreateRoute: Route = route('POST', '/servers', ({ world, body }) => {
  const request = parse(wanted, body);
  refuseTaken(world.state.servers, request.name);
  const found = findAll(world, request);
  refuseOverQuota(world, 'servers');
  if (
    world.faults.strike('out-of-stock', () => !isAvailable(world, found.type, found.location)) !== undefined
  ) {
    throw new ApiError('resource_unavailable', 'error during placement');
  }
  const server = addServer(world, request, found);
  const about = [{ id: server.id, type: 'server' }];
  const action = startAction(world, 'create_server', about, async () => {
    await buildServer(world, server);
    server.status = 'off';
  });
  const next_actions = request.start_after_create
    ? [startAction(world, 'start_server', about, () => bootServer(world, server), action)]
    : [];
  const root_password = found.keys.length === 0 ? randomBytes(12).toString('base64url') : null;
  return created({ server: serverKind.show(world, server), action, next_actions, root_password });
});

function findAll(world: World, request: Wanted): Found {
  const { state } = world;
  const type = required(find(catalog.serverTypes, request.server_type), 'server_type');
  const image = imageFor(request.image, type);
  const volumes = request.volumes.map((one) => required(find(state.volumes, one), 'volumes'));
  const location =
    locationOf(request) ?? (given(request) ? undefined : (volumes[0]?.location ?? type.locations[0]));
  if (location === undefined) throw invalidInput('location', 'unknown location');
  if (!type.locations.includes(location)) {
    throw new ApiError('invalid_input', `unsupported location for server type`);
  }
  if (type.deprecated !== undefined && Date.parse(type.deprecated.unavailable_after) < Date.now()) {
    throw new ApiError('invalid_input', `server type ${type.id} is deprecated`);
  }
  for (const volume of volumes) {
    if (volume.server !== undefined)
      throw new ApiError('volume_already_attached', 'volume is already attached');
    if (volume.location !== location) throw invalidInput('volumes', 'volume is in another location');
  }
  for (const { firewall } of request.firewalls) required(find(state.firewalls, firewall), 'firewalls');
  return {
    type,
    image,
    location,
    volumes,
    keys: request.ssh_keys.map((one) => required(find(state.sshKeys, one), 'ssh_keys')),
    networks: request.networks.map((one) => required(find(state.networks, one), 'networks')),
    addresses: {
      ipv4: addressFor(world, 'ipv4', request.public_net.ipv4, location),
      ipv6: addressFor(world, 'ipv6', request.public_net.ipv6, location),
    },
  };
}

const given = ({ location, datacenter }: Wanted) => location !== undefined || datacenter !== undefined;

/** Names are of the type's architecture; IDs must fit it. */
function imageFor(wanted: number | string, type: catalog.ServerType): catalog.Image {
  const fitting = catalog.images.filter(({ architecture }) => architecture === type.architecture);
  const image = find(fitting, wanted) ?? find(catalog.images, wanted);
  if (image === undefined) throw invalidInput('image', 'image not found');
  if (image.architecture !== type.architecture)
    throw new ApiError('invalid_input', 'image architecture does not fit');
  // The lab's machines are what the machine that it runs on is.
  return image;
}

function addressFor(
  world: World,
  type: 'ipv4' | 'ipv6',
  wanted: number | null | undefined,
  location: string,
): PrimaryIp | undefined {
  if (wanted === undefined || wanted === null) return undefined;
  const address = required(find(world.state.primaryIps, wanted), `public_net.${type}`);
  if (address.type !== type)
    throw new ApiError('primary_ip_version_mismatch', `primary IP is not of type ${type}`);
  if (address.server !== undefined)
    throw new ApiError('primary_ip_assigned', 'primary IP is already assigned');
  if (address.location !== location) {
    throw new ApiError('primary_ip_datacenter_mismatch', 'primary IP is in another location');
  }
  return address;
}

function addServer(world: World, request: Wanted, found: Found): Server {
  const { state } = world;
  const server: Server = {
    id: newId(state),
    name: request.name,
    labels: request.labels,
    created: now(),
    status: 'initializing',
    serverType: found.type.name,
    image: String(found.image.id),
    location: found.location,
    sshKeys: found.keys.map(({ publicKey }) => publicKey),
    userData: request.user_data,
    privateNets: [],
    placementGroup: request.placement_group,
    protection: {
      delete: false,
      rebuild: false,
    },
  };
  for (const network of found.networks) attachToNetwork(world, server, network, undefined);
  state.servers.push(server);
  for (const type of ['ipv4', 'ipv6'] as const) {
    if (!request.public_net[`enable_${type}`]) continue;
    const facts = {
      name: `primary_ip-${server.id}-${type}`,
      type,
      location: found.location,
      autoDelete: true,
      labels: {},
    };
    const address = found.addresses[type] ?? addPrimaryIp(world, facts);
    address.server = server.id;
  }
  for (const volume of found.volumes) volume.server = server.id;
  for (const { firewall } of request.firewalls) find(state.firewalls, firewall)?.servers.push(server.id);
  return server;
}

/** Gives the server an address there. Throws `no_subnet_available`, `ip_not_available`, `server_already_attached`. */
export function attachToNetwork(
  { state }: World,
  server: Server,
  network: Network,
  wantedIp: string | undefined,
): void {
  if (server.privateNets.some((one) => one.network === network.id)) {
    throw new ApiError('server_already_attached', 'server is already attached to this network');
  }
  const taken = state.servers.flatMap(({ privateNets }) =>
    privateNets.flatMap(({ ip, aliasIps }) => [ip, ...aliasIps]),
  );
  if (wantedIp !== undefined && taken.includes(wantedIp))
    throw new ApiError('ip_not_available', 'IP is not available');
  const ip =
    wantedIp ??
    freeAddress(
      network.subnets.map(({ ipRange }) => ipRange),
      taken,
    );
  if (ip === undefined)
    throw new ApiError('no_subnet_available', 'network has no subnet, or no address left');
  const mac = ['86', '00', ...(randomBytes(4).toString('hex').match(/../g) ?? [])].join(':');
  server.privateNets.push({ network: network.id, ip, aliasIps: [], mac });
}
