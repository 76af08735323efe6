import { createServer, type Server as HttpServer } from 'node:http';
import { addressesOf } from './addresses.ts';
import { datacenters } from './catalog.ts';
import type { Server } from './state.ts';
import type { World } from './world.ts';

/**
 * What a server reads of itself at http://169.254.169.254/hetzner/v1: user data, keys, names. Who asks is known by its
 * address.
 */
export function metadataServer(world: World): HttpServer {
  return createServer((request, response) => {
    const server = serverAt(world, request.socket.remoteAddress ?? '');
    const path = (request.url ?? '')
      .replace(/\/$/, '')
      .replace(/^\/(hetzner|2009-04-04)\/?(v1|latest)?\/?/, '');
    const text = server === undefined ? undefined : metadataOf(world, server, path);
    response.writeHead(text === undefined ? 404 : 200, { 'content-type': 'text/plain' });
    response.end(text);
  });
}

function serverAt(world: World, address: string): Server | undefined {
  const ipv4 = address.replace('::ffff:', '');
  return world.state.servers.find((server) => {
    const own = addressesOf(world, server);
    return own.ipv4 === ipv4 || own.private.includes(ipv4);
  });
}

function metadataOf(world: World, server: Server, path: string): string | undefined {
  const { ipv4 } = addressesOf(world, server);

  const facts: Record<string, string> = {
    'instance-id': String(server.id),
    hostname: server.name,
    region: server.location,
    'availability-zone': datacenters.find(({ location }) => location === server.location)?.name ?? '',
    'public-ipv4': ipv4 ?? '',
    'local-ipv4': server.privateNets[0]?.ip ?? '',
    'public-keys': JSON.stringify(server.sshKeys),
  };
  if (path === 'userdata') return server.userData;
  if (path.startsWith('metadata/')) {
    const name = path.slice('metadata/'.length);
    if (name === 'private-networks') return privateNetworks(world, server);
    return facts[name];
  }
  if (path !== 'metadata') return undefined;
  // YAML that is JSON in its values.
  const lines = Object.entries(facts).filter(([name]) => name !== 'public-keys');
  return [
    ...lines.map(([name, value]) => `${name}: ${JSON.stringify(value)}`),
    `public-keys: ${JSON.stringify(server.sshKeys)}`,
    'network-config: { version: 1, config: [] }',
    'vendor_data: ""',
    '',
  ].join('\n');
}

function privateNetworks({ state }: World, server: Server): string {
  const nets = server.privateNets.map((net, index) => {
    const network = state.networks.find(({ id }) => id === net.network);
    return {
      ip: net.ip,
      alias_ips: net.aliasIps,
      interface_num: index + 1,
      mac_address: net.mac,
      network_id: net.network,
      network_name: network?.name ?? '',
      network: network?.ipRange ?? '',
    };
  });
  return `${JSON.stringify(nets)}\n`;
}
