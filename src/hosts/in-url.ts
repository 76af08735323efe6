/** Pure: an address as URLs have it, an IPv6 address in brackets. */
export function inUrl(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
