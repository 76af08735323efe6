import type { MachineRules, Rule } from './machines.ts';

/** Where the router stands: names of its network devices, and addresses that everybody may reach. */
export interface RouterFacts {
  uplink: string;
  cable(id: number): string;
  operatorIpv4: string;
  operatorIpv6: string;
  /** The provider's metadata, at its well-known address, is served there. */
  metadataPort: number;
  /** Addresses in private networks: between them no firewall stands, as at the provider. */
  privateAddresses: readonly string[];
}

/**
 * The firewalls as one script for `nft -f`, that replaces the one before at once. Connections that stand go on, as the
 * provider has it. What leaves for anywhere but the lab is refused, so that nothing waits for the Internet.
 */
export function ruleset(facts: RouterFacts, machines: readonly MachineRules[]): string {
  const lines = [
    'table inet lab',
    'delete table inet lab',
    'table inet lab {',
    'chain metadata {',
    'type nat hook prerouting priority dstnat',
    `ip daddr 169.254.169.254 tcp dport 80 dnat ip to ${facts.operatorIpv4}:${facts.metadataPort}`,
    '}',
    ...machines.flatMap((one) => [...inChain(one), ...outChain(one)]),
    'chain forward {',
    'type filter hook forward priority filter; policy drop;',
    'ct state established,related accept',
    ...between(facts.privateAddresses),
    ...machines.flatMap(({ id }) => [
      `iifname ${facts.cable(id)} jump out-${id}`,
      `oifname ${facts.cable(id)} goto in-${id}`,
    ]),
    `oifname ${facts.uplink} ip daddr ${facts.operatorIpv4} accept`,
    `oifname ${facts.uplink} ip6 daddr ${facts.operatorIpv6} accept`,
    'reject with icmpx type admin-prohibited',
    '}',
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

function between(addresses: readonly string[]): string[] {
  if (addresses.length === 0) return [];
  const set = `{ ${addresses.join(', ')} }`;
  return [`ip saddr ${set} ip daddr ${set} accept`];
}

function inChain({ id, in: rules, silentPorts }: MachineRules): string[] {
  const silent = silentPorts.map((port) => `tcp dport ${port} drop`);
  const open = rules === undefined ? ['accept'] : rules.flatMap((rule) => matches(rule, 'saddr', 'accept'));
  return [`chain in-${id} {`, ...silent, ...open, 'drop', '}'];
}

/** To reach the metadata needs no rule. */
function outChain({ id, out: rules }: MachineRules): string[] {
  const open =
    rules === undefined ? [] : [...rules.flatMap((rule) => matches(rule, 'daddr', 'return')), 'drop'];
  return [`chain out-${id} {`, 'ct status dnat return', ...open, '}'];
}

function matches(rule: Rule, side: 'saddr' | 'daddr', verdict: string): string[] {
  const ipv4 = rule.networks.filter((network) => !network.includes(':'));
  const ipv6 = rule.networks.filter((network) => network.includes(':'));
  const families = [
    { family: 'ip', networks: ipv4, everything: '0.0.0.0/0' },
    { family: 'ip6', networks: ipv6, everything: '::/0' },
  ];
  return families
    .filter(({ networks }) => networks.length > 0)
    .map(({ family, networks, everything }) => {
      const protocol = family === 'ip6' && rule.protocol === 'icmp' ? 'ipv6-icmp' : rule.protocol;
      const where = networks.includes(everything)
        ? `meta nfproto ${family === 'ip' ? 'ipv4' : 'ipv6'}`
        : `${family} ${side} { ${[...new Set(networks)].join(', ')} }`;
      return `${where} meta l4proto ${protocol}${portMatch(rule)} ${verdict}`;
    });
}

function portMatch({ protocol, port }: Rule): string {
  if (port === undefined || port === 'any' || (protocol !== 'tcp' && protocol !== 'udp')) return '';
  return ` ${protocol} dport ${port}`;
}
