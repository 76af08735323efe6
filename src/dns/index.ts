import type { Dns } from '../app/app.ts';
import type { DnsZone, ZoneContext } from './zone.ts';

/** Opens the zone where it is looked after; only that provider's code is loaded. Throws `dns-zone-missing`, `dns-failed`, `usage`. */
export async function openZone({ zone, provider }: Dns, context: ZoneContext): Promise<DnsZone> {
  if (provider.kind === 'rfc2136') {
    return (await import('./rfc2136.ts')).openRfc2136(zone, provider, context);
  }
  if (provider.kind === 'file') return (await import('./file.ts')).openFile(zone, provider, context);
  if (provider.kind === 'hetzner') return (await import('./hetzner.ts')).openHetzner(zone, context);
  if (provider.kind === 'cloudflare') return (await import('./cloudflare.ts')).openCloudflare(zone, context);
  if (provider.kind === 'digitalocean') {
    return (await import('./digitalocean.ts')).openDigitalOcean(zone, context);
  }
  return (await import('./route53.ts')).openRoute53(zone, provider, context);
}
