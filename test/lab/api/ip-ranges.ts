/** Arithmetic of IPv4 ranges like `10.0.0.0/16`. */
function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function addressOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}

/** First and last number of a range. */
function bounds(range: string): [number, number] {
  const [address = '', length = '32'] = range.split('/');
  const size = 2 ** (32 - Number(length));
  const first = Math.floor(numberOf(address) / size) * size;
  return [first, first + size - 1];
}

export function contains(range: string, address: string): boolean {
  const [first, last] = bounds(range);
  return numberOf(address) >= first && numberOf(address) <= last;
}

export function overlap(one: string, other: string): boolean {
  const [first, last] = bounds(one);
  const [otherFirst, otherLast] = bounds(other);
  return first <= otherLast && otherFirst <= last;
}

/** The provider's router has the first address of the whole network. */
export function gatewayOf(range: string): string {
  return addressOf(bounds(range)[0] + 1);
}

/** The first /24 of the range that overlaps none of those taken. */
export function freeSubnet(range: string, taken: readonly string[]): string | undefined {
  const [first, last] = bounds(range);
  for (let start = first; start <= last; start += 256) {
    const candidate = `${addressOf(start)}/24`;
    if (!taken.some((one) => overlap(one, candidate))) return candidate;
  }
  return undefined;
}

/** The first address of the ranges that is neither taken nor the network's own (its first two and its last). */
export function freeAddress(ranges: readonly string[], taken: readonly string[]): string | undefined {
  for (const range of ranges) {
    const [first, last] = bounds(range);
    for (let number = first + 2; number < last; number++) {
      if (!taken.includes(addressOf(number))) return addressOf(number);
    }
  }
  return undefined;
}
