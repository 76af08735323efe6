import { writeFile } from 'node:fs/promises';
import { run } from './command.ts';
import type { MachineAddresses } from './machines.ts';
import { labName, machineName } from './place.ts';

/**
 * The lab's network: a namespace of its own is the router between this machine and the lab's machines, each at the end
 * of a cable of its own, as the provider has it: addresses without a network, gateway 172.31.1.1 and fe80::1. The
 * addresses are those set aside for measuring (RFC 2544) and for documents (RFC 3849), so that they are nobody's.
 */
const ipv4Range = '198.18.0.0/15';
const ipv6Range = '2001:db8::/32';

export const ipv4Of = (lab: number, number: number) => `198.18.${lab}.${number}`;
export const ipv6NetworkOf = (lab: number, number: number) =>
  `2001:db8:${lab.toString(16)}:${number.toString(16)}::/64`;
/** The machine's own address in its network. */
export const ipv6HostOf = (network: string) => network.replace('::/64', '::1');
export const operatorIpv4 = (lab: number) => ipv4Of(lab, 1);
export const operatorIpv6 = (lab: number) => `2001:db8:${lab.toString(16)}::1`;

const routerIpv4 = (lab: number) => ipv4Of(lab, 2);
const routerIpv6 = (lab: number) => `2001:db8:${lab.toString(16)}::2`;
const namespacePath = (name: string) => `/run/netns/${name}`;

/** The router's side of the cable to this machine. */
export const uplink = 'uplink';

export async function makeRouter(lab: number): Promise<void> {
  const name = labName(lab);
  // A client that outlives its lab must not send anything out of this machine; these two stay for good.
  await run('ip', 'route', 'replace', 'unreachable', ipv4Range, 'metric', '1000000');
  await run('ip', '-6', 'route', 'replace', 'unreachable', ipv6Range, 'metric', '1000000');
  await run('ip', 'netns', 'add', name);
  await ip(undefined, `link add ${name} type veth peer name ${uplink} netns ${name}`);
  await ip(undefined, `addr add ${operatorIpv4(lab)}/32 dev ${name}`);
  await ip(undefined, `addr add ${operatorIpv6(lab)}/128 dev ${name} nodad`);
  await ip(undefined, `link set ${name} up`);
  await ip(name, 'link set lo up');
  await ip(name, `addr add ${routerIpv4(lab)}/32 dev ${uplink}`);
  await ip(name, `addr add ${routerIpv6(lab)}/128 dev ${uplink} nodad`);
  await ip(name, `link set ${uplink} up`);
  await ip(name, `route add ${operatorIpv4(lab)}/32 dev ${uplink}`);
  await ip(name, `-6 route add ${operatorIpv6(lab)}/128 dev ${uplink}`);
  await ip(undefined, `route add ${routerIpv4(lab)}/32 dev ${name}`);
  await ip(undefined, `-6 route add ${routerIpv6(lab)}/128 dev ${name}`);
  await ip(
    undefined,
    `route add 198.18.${lab}.0/24 via ${routerIpv4(lab)} dev ${name} src ${operatorIpv4(lab)}`,
  );
  await ip(
    undefined,
    `-6 route add 2001:db8:${lab.toString(16)}::/48 via ${routerIpv6(lab)} dev ${name} src ${operatorIpv6(lab)}`,
  );
  const settings = ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding'];
  for (const setting of settings) await inNamespace(name, 'sh', '-c', `echo 1 >/proc/sys/${setting}`);
}

/** The machine's namespace and its cable: host0 inside, named like the machine at the router. */
export async function makeCable(lab: number, id: number): Promise<void> {
  const router = labName(lab);
  const name = machineName(lab, id);
  await run('ip', 'netns', 'add', name);
  await ip(router, `link add ${name} type veth peer name host0 netns ${name}`);
  await ip(router, `addr add 172.31.1.1/32 dev ${name}`);
  await ip(router, `addr add fe80::1/64 dev ${name} nodad`);
  await ip(router, `link set ${name} up`);
  await ip(name, 'link set lo up');
  await ip(name, 'link set host0 up');
}

export async function plugCable(lab: number, id: number): Promise<void> {
  await ip(machineName(lab, id), 'link set host0 up');
}

/** Nothing comes through any more, and nothing answers. */
export async function unplugCable(lab: number, id: number): Promise<void> {
  await ip(machineName(lab, id), 'link set host0 down');
}

/**
 * Gives the machine these addresses, and takes away others that it had. What stays is not touched: a machine may boot
 * meanwhile, and cloud-init asks but once whether it reaches its metadata before it makes do without.
 */
export async function setAddresses(lab: number, id: number, addresses: MachineAddresses): Promise<void> {
  const router = labName(lab);
  const name = machineName(lab, id);
  const had = await addressesOn(name);
  const ipv4 = [...(addresses.ipv4 === undefined ? [] : [addresses.ipv4]), ...addresses.private];
  for (const address of ipv4) {
    await ip(name, `addr replace ${address}/32 dev host0`);
    await ip(router, `route replace ${address}/32 dev ${name}`);
  }
  if (ipv4.length > 0) {
    const source = addresses.ipv4 === undefined ? '' : ` src ${addresses.ipv4}`;
    await ip(name, `route replace default via 172.31.1.1 dev host0 onlink${source}`);
  }
  const ipv6 = addresses.ipv6Network === undefined ? [] : [`${ipv6HostOf(addresses.ipv6Network)}/64`];
  // A cable that is unplugged has lost these; what leads to them stays.
  await ip(router, `-6 route flush dev ${name} proto boot`);
  if (addresses.ipv6Network !== undefined) {
    await ip(name, `addr replace ${ipv6[0]} dev host0 nodad`);
    await ip(name, '-6 route replace default via fe80::1 dev host0');
    await ip(router, `-6 route replace ${addresses.ipv6Network} dev ${name}`);
  }
  const wanted = new Set([...ipv4.map((address) => `${address}/32`), ...ipv6]);
  for (const address of had.filter((one) => !wanted.has(one))) {
    await ip(name, `addr del ${address} dev host0`);
    if (!address.includes(':')) await ip(router, `route flush ${address} dev ${name}`);
  }
}

/** With the lengths of their prefixes. */
async function addressesOn(name: string): Promise<string[]> {
  const shown = await run('ip', '-n', name, '-o', 'addr', 'show', 'dev', 'host0', 'scope', 'global');
  return [...shown.matchAll(/ inet6? (\S+) /g)].map(([, address = '']) => address);
}

/** Bytes that went down the machine's cable to it. */
export async function sentBytes(lab: number, id: number): Promise<number> {
  const file = `/sys/class/net/${machineName(lab, id)}/statistics/tx_bytes`;
  return Number(await inNamespace(labName(lab), 'cat', file));
}

export function inNamespace(name: string, ...command: string[]): Promise<string> {
  return run('ip', 'netns', 'exec', name, ...command);
}

export async function removeNamespace(name: string): Promise<void> {
  await run('ip', 'netns', 'delete', name);
}

export { namespacePath };

/** Words without blanks in them only. */
async function ip(namespace: string | undefined, command: string): Promise<void> {
  await run('ip', ...(namespace === undefined ? [] : ['-n', namespace]), ...command.split(' '));
}

/** A text for files that name the operator's machine. */
export async function writeResolver(root: string, lab: number): Promise<void> {
  await writeFile(
    `${root}/etc/resolv.conf`,
    `nameserver ${operatorIpv4(lab)}\noptions timeout:1 attempts:1\n`,
  );
}
