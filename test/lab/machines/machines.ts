/**
 * What the provider's API asks of the place where machines are. Two implement it: real ones (real.ts), and nothing at
 * all (none.ts) for tests that need the API alone. IDs are the API's, of servers and volumes.
 */
export interface Machines {
  /** Are there machines behind the addresses? */
  readonly real: boolean;
  /** Where machines reach what runs outside of them: IPv4 of the machine that the lab runs on. */
  readonly operatorAddress: string;
  /** The lab's addresses, by number: 10 to 250 of IPv4, any 64-bit network of IPv6. */
  readonly addresses: { ipv4(number: number): string; ipv6Network(number: number): string };

  /** Disk and network card; nothing runs yet. */
  create(spec: MachineSpec): Promise<void>;
  /** Resolves when the machine was switched on, long before it answers. */
  start(id: number): Promise<void>;
  /** `shutdown` presses the power button and waits; `off` pulls the plug. A machine that is off stays as it is. */
  stop(id: number, how: 'shutdown' | 'off'): Promise<void>;
  isRunning(id: number): boolean;
  remove(id: number): Promise<void>;

  setAddresses(id: number, addresses: MachineAddresses): Promise<void>;
  /** Replaces all rules of all machines at once. */
  setRules(rules: readonly MachineRules[]): Promise<void>;

  createVolume(id: number, sizeBytes: number, format: string | undefined): Promise<void>;
  /** The device in a machine grows at once. */
  growVolume(id: number, sizeBytes: number): Promise<void>;
  removeVolume(id: number): Promise<void>;
  /** The machine sees it at /dev/disk/by-id/scsi-0HC_Volume_<id>, now or when it is switched on. */
  plug(volume: number, machine: number): Promise<void>;
  unplug(volume: number): Promise<void>;

  /** Runs a program in a running machine, not over the network; resolves to what it printed. */
  inside(id: number, command: readonly string[]): Promise<string>;
  /** Bytes that reached the machine over the network since it was made. */
  receivedBytes(id: number): Promise<number>;
  /** What it wrote on its console so far. */
  console(id: number): Promise<string>;

  /** Leaves nothing: no process, mount, device, namespace, file. */
  close(): Promise<void>;
}

export interface MachineSpec {
  id: number;
  name: string;
  diskBytes: number;
  addresses: MachineAddresses;
}

export interface MachineAddresses {
  /** Public ones. */
  ipv4: string | undefined;
  /** A /64; the machine has its address 1. */
  ipv6Network: string | undefined;
  /** Its addresses in private networks. */
  private: readonly string[];
}

/** What a firewall lets through to and from one machine. */
export interface MachineRules {
  id: number;
  /** Undefined: no firewall is applied, everything passes. */
  in: readonly Rule[] | undefined;
  out: readonly Rule[] | undefined;
  /** Ports of TCP that stay silent whatever the rules say. */
  silentPorts: readonly number[];
}

export interface Rule {
  protocol: 'tcp' | 'udp' | 'icmp' | 'esp' | 'gre';
  /** Networks of the other side, IPv4 and IPv6 mixed. */
  networks: readonly string[];
  /** `80`, `8000-8010` or `any`; undefined where the protocol has none. */
  port: string | undefined;
}
