import { find } from '../bodies.ts';
import { images, serverTypes } from '../catalog.ts';
import { appliesTo } from '../addresses.ts';
import { isLocked } from '../actions.ts';
import type { PrimaryIp, Server } from '../state.ts';
import type { World } from '../world.ts';
import { datacenterOf, showLocation, showServerType } from './catalog.ts';
import type { Kind } from './kind.ts';
import { placementGroupKind } from './placement-groups.ts';

export const serverKind: Kind<Server> = {
  collection: 'servers',
  singular: 'server',
  type: 'server',
  all: (state) => state.servers,
  show: (world, one) => {
    const type = find(serverTypes, one.serverType);
    const group = world.state.placementGroups.find(({ id }) => id === one.placementGroup);
    return {
      id: one.id,
      name: one.name,
      labels: one.labels,
      created: one.created,
      status: one.status,
      public_net: publicNet(world, one),
      private_net: one.privateNets.map(({ network, ip, aliasIps, mac }) => ({
        network,
        ip,
        alias_ips: aliasIps,
        mac_address: mac,
      })),
      server_type: type === undefined ? null : showServerType(world, type),
      included_traffic: 21_990_232_555_520,
      outgoing_traffic: null,
      ingoing_traffic: null,
      backup_window: null,
      rescue_enabled: false,
      iso: null,
      locked: isLocked(world, { id: one.id, type: 'server' }),
      location: showLocation(one.location),
      datacenter: datacenterOf(world, one.location),
      image: find(images, one.image) ?? images.find(({ id }) => String(id) === one.image) ?? null,
      protection: one.protection,
      volumes: world.state.volumes.filter(({ server }) => server === one.id).map(({ id }) => id),
      primary_disk_size: type?.diskGb ?? 0,
      placement_group: group === undefined ? null : placementGroupKind.show(world, group),
      load_balancers: [],
    };
  },
};

/** The addresses that the world sees; null where the server has none of that kind. */
function publicNet(world: World, server: Server): Record<string, unknown> {
  const { state } = world;
  const primary = (type: string) =>
    state.primaryIps.find((one) => one.server === server.id && one.type === type);
  const ipv4 = primary('ipv4');
  const ipv6 = primary('ipv6');
  return {
    ipv4:
      ipv4 === undefined
        ? null
        : { ...shown(ipv4), dns_ptr: ipv4.dnsPtr[ipv4.ip] ?? `${ipv4.ip}.lab.invalid` },
    ipv6:
      ipv6 === undefined
        ? null
        : { ...shown(ipv6), dns_ptr: Object.entries(ipv6.dnsPtr).map(([ip, dns_ptr]) => ({ ip, dns_ptr })) },
    floating_ips: state.floatingIps.filter((one) => one.server === server.id).map(({ id }) => id),
    firewalls: state.firewalls
      .filter((one) => appliesTo(one, server))
      .map(({ id }) => ({ id, status: 'applied' })),
  };
}

const shown = ({ id, ip }: PrimaryIp) => ({ id, ip, blocked: false });
