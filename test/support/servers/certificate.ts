import { execFileSync } from 'node:child_process';
import { isIP } from 'node:net';

/** Makes a certificate for a name or an address that is good for two days and that nobody vouches for. */
export function makeCertificate(name: string, paths: { certificate: string; key: string }): void {
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=relocate test'];
  const files = ['-keyout', paths.key, '-out', paths.certificate];
  execFileSync(
    'openssl',
    [...args, ...files, '-addext', `subjectAltName=${isIP(name) === 0 ? 'DNS' : 'IP'}:${name}`],
    { stdio: 'pipe' },
  );
}
