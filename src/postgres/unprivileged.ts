import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';

/** A user of this machine that is not root: PostgreSQL's server and initdb refuse to run as root. */
export interface Account {
  uid: number;
  gid: number;
}

/** Undefined when this process is not root itself, and nothing need be changed. Else `postgres`, else `nobody`. */
export async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = parseAccounts(await readFile('/etc/passwd', 'utf8').catch(() => ''));
  return accounts.get('postgres') ?? accounts.get('nobody') ?? { uid: 65_534, gid: 65_534 };
}

/** Pure: reads /etc/passwd, see passwd(5). */
export function parseAccounts(passwd: string): Map<string, Account> {
  const accounts = new Map<string, Account>();
  for (const line of passwd.split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name !== undefined && uid !== undefined && gid !== undefined && uid !== '0') {
      accounts.set(name, { uid: Number(uid), gid: Number(gid) });
    }
  }
  return accounts;
}

/**
 * The folder where `account` can really keep a server's data: the one wished for, or, when a folder above it is closed
 * to that user (as /root is) or missing, one of the same deployment below /var/lib/relocate. Always the same answer for the same
 * wish, so that a later run, and `destroy`, find it again.
 */
export async function reachableFolder(wished: string, account: Account | undefined): Promise<string> {
  if (account === undefined || (await canTraverse(path.dirname(wished), account))) return wished;
  const name = createHash('sha256').update(wished).digest('hex').slice(0, 16);
  return path.join('/var/lib/relocate', `${path.basename(wished)}-${name}`);
}

async function canTraverse(folder: string, account: Account): Promise<boolean> {
  const stats = await stat(folder).catch(() => undefined);
  if (stats === undefined) return false;
  const bit = stats.uid === account.uid ? 0o100 : stats.gid === account.gid ? 0o010 : 0o001;
  if ((stats.mode & bit) === 0) return false;
  const parent = path.dirname(folder);
  return parent === folder || canTraverse(parent, account);
}
