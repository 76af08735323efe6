import type { Machines } from './machines.ts';

/** No machines: what the API says of them is all there is. For tests that need no more, and for whom is not root. */
export function noMachines(): Machines {
  const running = new Set<number>();
  const nothing = async () => {};
  return {
    real: false,
    operatorAddress: '127.0.0.1',
    // Nobody's: for documents (RFC 5737, RFC 3849).
    addresses: {
      ipv4: (number) => `203.0.113.${number}`,
      ipv6Network: (number) => `2001:db8:0:${number.toString(16)}::/64`,
    },
    create: nothing,
    async start(id) {
      running.add(id);
    },
    async stop(id) {
      running.delete(id);
    },
    isRunning: (id) => running.has(id),
    async remove(id) {
      running.delete(id);
    },
    setAddresses: nothing,
    setRules: nothing,
    createVolume: nothing,
    growVolume: nothing,
    removeVolume: nothing,
    plug: nothing,
    unplug: nothing,
    inside: async () => {
      throw new Error('this lab has no machines');
    },
    receivedBytes: async () => 0,
    console: async () => '',
    close: nothing,
  };
}
