import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { giveUpStuck, refuseWhenLocked, startAction } from '../actions.ts';
import { addressesOf } from '../addresses.ts';
import { find, id, idOrName, parse, required } from '../bodies.ts';
import { serverTypes } from '../catalog.ts';
import { ApiError } from '../errors.ts';
import { bootServer, demolishServer, enforceRules, haltServer } from '../servers-work.ts';
import type { Server } from '../state.ts';
import { ok, type Route, route, type World } from '../world.ts';
import { actionRoute, commonRoutes, findOne, protectionRoute, referTo, refuseProtected } from './kind.ts';
import { attachToNetwork, serverCreateRoute } from './server-create.ts';
import { serverKind } from './servers.ts';

const power = (command: string, work: (world: World, server: Server) => Promise<void>) =>
  actionRoute(
    serverKind,
    command,
    ({ world }, server) =>
      () =>
        work(world, server),
  );

export const serverRoutes: Route[] = [
  ...commonRoutes(serverKind).map(withRules),
  serverCreateRoute,
  protectionRoute(serverKind),
  route('DELETE', '/servers/:id', (request) => {
    const { world } = request;
    const server = findOne(serverKind, request);
    refuseProtected(server);
    giveUpStuck(world, referTo(serverKind, server));
    refuseWhenLocked(world, referTo(serverKind, server));
    server.status = 'deleting';
    const about = [referTo(serverKind, server)];
    return ok({ action: startAction(world, 'delete_server', about, () => demolishServer(world, server)) });
  }),
  power('poweron', bootServer),
  power('poweroff', (world, server) => haltServer(world, server, 'off')),
  power('shutdown', (world, server) => haltServer(world, server, 'shutdown')),
  power('reboot', async (world, server) => {
    await haltServer(world, server, 'shutdown');
    await bootServer(world, server);
  }),
  power('reset', async (world, server) => {
    await haltServer(world, server, 'off');
    await bootServer(world, server);
  }),
  route('POST', '/servers/:id/actions/reset_password', (request) => {
    const server = findOne(serverKind, request);
    const action = startAction(request.world, 'reset_password', [referTo(serverKind, server)]);
    return { status: 201, body: { action, root_password: randomBytes(12).toString('base64url') } };
  }),
  actionRoute(serverKind, 'change_type', ({ body }, server) => {
    const { server_type } = parse(z.object({ server_type: idOrName, upgrade_disk: z.boolean() }), body);
    const type = required(find(serverTypes, server_type), 'server_type');
    if (server.status !== 'off') throw new ApiError('server_not_stopped', 'server must be off');
    if (type.architecture !== find(serverTypes, server.serverType)?.architecture) {
      throw new ApiError('invalid_server_type', 'server type has another architecture');
    }
    return () => {
      server.serverType = type.name;
    };
  }),
  actionRoute(serverKind, 'change_dns_ptr', ({ world, body }, server) => {
    const { ip, dns_ptr } = parse(z.object({ ip: z.string(), dns_ptr: z.string().nullable() }), body);
    const address = world.state.primaryIps.find(
      (one) => one.server === server.id && one.type === (ip.includes(':') ? 'ipv6' : 'ipv4'),
    );
    return () => {
      if (dns_ptr === null) delete address?.dnsPtr[ip];
      else if (address !== undefined) address.dnsPtr[ip] = dns_ptr;
    };
  }),
  actionRoute(serverKind, 'attach_to_network', ({ world, body }, server) => {
    const request = parse(
      z.object({ network: id, ip: z.string().optional(), alias_ips: z.array(z.string()).default([]) }),
      body,
    );
    const network = required(find(world.state.networks, request.network), 'network');
    attachToNetwork(world, server, network, request.ip);
    return () => world.machines.setAddresses(server.id, addressesOf(world, server));
  }),
  actionRoute(serverKind, 'detach_from_network', ({ world, body }, server) => {
    const { network } = parse(z.object({ network: id }), body);
    return async () => {
      server.privateNets = server.privateNets.filter((one) => one.network !== network);
      await world.machines.setAddresses(server.id, addressesOf(world, server));
    };
  }),
];

/** New labels may bring a server under another firewall. */
function withRules(one: Route): Route {
  if (one.method !== 'PUT') return one;
  return route('PUT', one.path, async (request) => {
    const reply = await one.handle(request);
    await enforceRules(request.world);
    return reply;
  });
}
