/**
 * Pure: whom a repository's place depends on, for telling apart copies that one closed account or one dead machine
 * takes away together. Names of one owner count as one provider: buckets and regions of it are no second one.
 */
export function providerOf(url: string): string {
  const [, scheme = 'file', rest = url] = /^([a-z][a-z0-9+.-]*):(.*)$/s.exec(url) ?? [];
  switch (scheme) {
    case 's3':
      return ofHost(hostOf(rest.replace(/^https?:/, '')));
    case 'sftp':
      return ofHost(hostOf(rest));
    case 'rest':
      return ofHost(hostOf(rest.replace(/^https?:/, '')));
    case 'gs':
      return 'google';
    case 'azure':
      return 'azure';
    default:
      return thisMachine;
  }
}

export const thisMachine = 'this machine';

/** Of `//user@host:22/path`, `user@host:/path`, `host/path`, `[::1]:9000/path`. */
function hostOf(place: string): string {
  const authority = place.replace(/^\/\//, '').split('/')[0] ?? '';
  const afterUser = authority.slice(authority.lastIndexOf('@') + 1);
  return (/^\[(.+)\]/.exec(afterUser)?.[1] ?? afterUser.replace(/:.*$/, '')).toLowerCase();
}

/** Endings below which anybody can register a name, besides those of two letters with `co` and the like before them. */
const sharedSecondLevel = /^(?:ac|co|com|edu|gov|net|or|org)\.[a-z]{2}$/;

const vendors: Readonly<Record<string, string>> = {
  'amazonaws.com': 'aws',
  'amazonaws.com.cn': 'aws',
  'googleapis.com': 'google',
  'windows.net': 'azure',
};

function ofHost(host: string): string {
  if (host === '' || host === 'localhost' || host === '::1' || host.startsWith('127.')) return thisMachine;
  if (host.includes(':') || /^[\d.]+$/.test(host)) return host;
  const labels = host.replace(/\.$/, '').split('.');
  const taken = sharedSecondLevel.test(labels.slice(-2).join('.')) ? 3 : 2;
  const name = labels.slice(-taken).join('.');
  return vendors[name] ?? name;
}
