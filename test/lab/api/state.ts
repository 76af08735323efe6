/** All that a project of the provider holds, as data. Links point one way only: from the thing that depends. */
export interface State {
  nextId: number;
  sshKeys: SshKey[];
  servers: Server[];
  networks: Network[];
  firewalls: Firewall[];
  volumes: Volume[];
  primaryIps: PrimaryIp[];
  floatingIps: FloatingIp[];
  loadBalancers: LoadBalancer[];
  placementGroups: PlacementGroup[];
  zones: Zone[];
  actions: Action[];
}

export type Labels = Record<string, string>;

/** What nearly everything has. Dates ISO 8601. */
export interface Resource {
  id: number;
  name: string;
  labels: Labels;
  created: string;
}

export interface SshKey extends Resource {
  publicKey: string;
  fingerprint: string;
}

export interface Server extends Resource {
  status: 'initializing' | 'starting' | 'running' | 'stopping' | 'off' | 'deleting';
  serverType: string;
  image: string;
  location: string;
  sshKeys: string[];
  userData: string;
  privateNets: { network: number; ip: string; aliasIps: string[]; mac: string }[];
  placementGroup: number | undefined;
  protection: { delete: boolean; rebuild: boolean };
}

export interface Network extends Resource {
  ipRange: string;
  subnets: { type: string; ipRange: string; networkZone: string; gateway: string }[];
  routes: { destination: string; gateway: string }[];
  exposeRoutesToVswitch: boolean;
  protection: { delete: boolean };
}

export interface FirewallRule {
  direction: 'in' | 'out';
  protocol: 'tcp' | 'udp' | 'icmp' | 'esp' | 'gre';
  source_ips: string[];
  destination_ips: string[];
  port: string | null;
  description: string | null;
}

export interface Firewall extends Resource {
  rules: FirewallRule[];
  servers: number[];
  labelSelectors: string[];
}

export interface Volume extends Resource {
  sizeGb: number;
  format: string | null;
  location: string;
  server: number | undefined;
  protection: { delete: boolean };
}

export interface PrimaryIp extends Resource {
  type: 'ipv4' | 'ipv6';
  /** An address, or a /64 network. */
  ip: string;
  location: string;
  server: number | undefined;
  autoDelete: boolean;
  dnsPtr: Record<string, string>;
  protection: { delete: boolean };
}

export interface FloatingIp extends Resource {
  type: 'ipv4' | 'ipv6';
  ip: string;
  description: string;
  location: string;
  server: number | undefined;
  dnsPtr: Record<string, string>;
  protection: { delete: boolean };
}

export interface LoadBalancer extends Resource {
  type: string;
  location: string;
  ipv4: string;
  ipv6: string;
  algorithm: string;
  /** As the API shows them: the lab balances nothing. */
  services: { listen_port: number; [key: string]: unknown }[];
  targets: { type: string; [key: string]: unknown }[];
  privateNets: { network: number; ip: string }[];
  protection: { delete: boolean };
}

export interface PlacementGroup extends Resource {
  type: 'spread';
}

export interface Rrset {
  name: string;
  type: string;
  ttl: number | null;
  labels: Labels;
  records: { value: string; comment?: string }[];
  protection: { change: boolean };
}

export interface Zone extends Resource {
  ttl: number;
  mode: 'primary';
  rrsets: Rrset[];
  protection: { delete: boolean };
}

export interface Action {
  id: number;
  status: 'running' | 'success' | 'error';
  command: string;
  progress: number;
  started: string;
  finished: string | null;
  error: { code: string; message: string } | null;
  resources: { id: number; type: string }[];
}

export function emptyState(): State {
  return {
    nextId: 1_000_001,
    sshKeys: [],
    servers: [],
    networks: [],
    firewalls: [],
    volumes: [],
    primaryIps: [],
    floatingIps: [],
    loadBalancers: [],
    placementGroups: [],
    zones: [],
    actions: [],
  };
}

export function newId(state: State): number {
  return state.nextId++;
}
