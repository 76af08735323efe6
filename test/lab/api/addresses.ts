import type { MachineAddresses, MachineRules, Rule } from '../machines/machines.ts';
import { ApiError } from './errors.ts';
import { labelSelector } from './list.ts';
import type { Firewall, FirewallRule, Server } from './state.ts';
import type { World } from './world.ts';

/** The lab's network has so many addresses of IPv4: some are its own. */
const firstIpv4 = 10;
const lastIpv4 = 250;
const firstIpv6 = 0x100;

/** An address that nothing has, of the lab's own range; of IPv6 a /64. */
export function freeIp({ state, machines }: World, type: 'ipv4' | 'ipv6'): string {
  const taken = new Set([
    ...state.primaryIps.map(({ ip }) => ip),
    ...state.floatingIps.map(({ ip }) => ip),
    ...state.loadBalancers.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]),
  ]);
  const last = type === 'ipv4' ? lastIpv4 : 0xffff;
  for (let number = type === 'ipv4' ? firstIpv4 : firstIpv6; number <= last; number++) {
    const ip = machines.addresses[type === 'ipv4' ? 'ipv4' : 'ipv6Network'](number);
    if (!taken.has(ip)) return ip;
  }
  throw new ApiError('resource_unavailable', 'no address left');
}

/** What the server's network card has. */
export function addressesOf({ state }: World, server: Server): MachineAddresses {
  const primary = (type: string) =>
    state.primaryIps.find((one) => one.server === server.id && one.type === type)?.ip;
  return {
    ipv4: primary('ipv4'),
    ipv6Network: primary('ipv6'),
    private: server.privateNets.flatMap(({ ip, aliasIps }) => [ip, ...aliasIps]),
  };
}

export function appliesTo(firewall: Firewall, server: Server): boolean {
  return (
    firewall.servers.includes(server.id) ||
    firewall.labelSelectors.some((selector) => labelSelector(selector)(server.labels))
  );
}

/** What the firewalls let through to each server, and the faults with it. */
export function rulesOf({ state, faults }: World, silent: ReadonlySet<number>): MachineRules[] {
  return state.servers.map((server) => {
    const applied = state.firewalls.filter((firewall) => appliesTo(firewall, server));
    const rules = applied.flatMap((firewall) => firewall.rules);
    const outgoing = rules.filter(({ direction }) => direction === 'out').map(ruleOf);
    return {
      id: server.id,
      in: applied.length === 0 ? undefined : rules.filter(({ direction }) => direction === 'in').map(ruleOf),
      // Without a rule for what goes out, all of it may.
      out: outgoing.length === 0 ? undefined : outgoing,
      silentPorts:
        silent.has(server.id) || faults.isDue('ssh-silent', ({ times }) => times === undefined) ? [22] : [],
    };
  });
}

function ruleOf(rule: FirewallRule): Rule {
  const networks = rule.direction === 'in' ? rule.source_ips : rule.destination_ips;
  return { protocol: rule.protocol, networks, port: rule.port ?? undefined };
}
