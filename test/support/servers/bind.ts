import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { chmod, chown, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram, startServer } from './server.ts';

/** BIND, the name server of the internet; bin/setup --for test brings it where the machine has none. */
const brought = fileURLToPath(new URL('../../../.tools/bind/named', import.meta.url));
const program = existsSync(brought) ? brought : findProgram('named');
const nsupdate = findProgram('nsupdate');
export const hasBind = program !== undefined && nsupdate !== undefined;
export const bindReason = 'needs BIND (named, nsupdate): bin/setup --for test brings them on Debian';

export interface Bind {
  port: number;
  /** `127.0.0.1:5353` */
  server: string;
  zone: string;
  /** A key that may change the zone, one that may not, and one of the first one's name with another secret. */
  keys: { right: string; powerless: string; wrong: string };
  /** ALGORITHM:NAME:SECRET of the right key. */
  keyText: string;
  zoneFile: string;
  /** Command line that makes it read the file again; for a zone that is static. */
  reload: string;
  /** Node's own resolver, which asks this server. */
  resolver(): Resolver;
  /** Somebody else changes the zone: lines as nsupdate takes them. */
  update(...lines: string[]): void;
  output(): string;
  stop(): Promise<void>;
}

const nobody = { uid: 65_534, gid: 65_534 };

/** Starts a name server for one zone on a free port, as an ordinary user, in a folder of its own. */
export async function startBind(
  records: readonly string[] = [],
  { zone = 'example.test', algorithm = 'hmac-sha256', isStatic = false } = {},
): Promise<Bind> {
  if (program === undefined || nsupdate === undefined) throw new Error(bindReason);
  const folder = await mkdtemp(join(tmpdir(), 'relocate-bind-'));
  const secrets = { right: randomBytes(32), powerless: randomBytes(32), wrong: randomBytes(32) };
  const keyOf = (name: string, secret: Buffer) =>
    `key "${name}" {\n  algorithm ${algorithm};\n  secret "${secret.toString('base64')}";\n};\n`;
  const texts = {
    right: keyOf('relocate', secrets.right),
    powerless: keyOf('reader', secrets.powerless),
    wrong: keyOf('relocate', secrets.wrong),
  };
  const write = (name: string, text: string) => writeFile(join(folder, name), text, { mode: 0o600 });
  for (const [name, text] of Object.entries(texts)) await write(`${name}.key`, text);
  await write('zone', zoneText(zone, records));
  const policy = isStatic ? '' : 'update-policy { grant relocate zonesub ANY; };';
  const configuration = (port: number) => `
options {
  directory "${folder}"; pid-file "${folder}/named.pid"; session-keyfile "${folder}/session.key";
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; notify no; check-names primary ignore;
};
controls { };
${texts.right}${texts.powerless}
zone "${zone}" { type primary; file "${folder}/zone"; ${policy} };
`;
  const isRoot = process.getuid?.() === 0;
  // The settings hold the port, which is known only when the program is about to start.
  const starter = join(folder, 'start.sh');
  await write(
    'start.sh',
    '#!/bin/sh\nsed "s/@PORT@/$1/" "$2/named.conf.in" > "$2/named.conf"\nexec "$3" -f -c "$2/named.conf" -n 1\n',
  );
  await write('named.conf.in', configuration(0).replace('port 0 ', 'port @PORT@ '));
  // The ordinary user may not reach into this project.
  const copy = join(folder, 'named');
  await copyFile(program, copy);
  for (const path of [starter, copy]) await chmod(path, 0o755);
  await chmod(folder, 0o755);
  if (isRoot) {
    for (const name of ['', 'zone', 'start.sh', 'named.conf.in']) {
      await chown(join(folder, name), nobody.uid, nobody.gid);
    }
  }
  const options = isRoot ? { user: nobody } : {};
  const named = await startServer(starter, (port) => [String(port), folder, copy], options).catch(
    async (error: unknown) => {
      await rm(folder, { recursive: true, force: true });
      throw error;
    },
  );
  const { port } = named;
  return {
    port,
    server: `127.0.0.1:${port}`,
    zone,
    keys: {
      right: join(folder, 'right.key'),
      powerless: join(folder, 'powerless.key'),
      wrong: join(folder, 'wrong.key'),
    },
    keyText: `${algorithm}:relocate:${secrets.right.toString('base64')}`,
    zoneFile: join(folder, 'zone'),
    reload: `kill -HUP "$(cat '${folder}/named.pid')"`,
    resolver: () => {
      const resolver = new Resolver({ timeout: 2_000, tries: 2 });
      resolver.setServers([`127.0.0.1:${port}`]);
      return resolver;
    },
    update: (...lines) => {
      const script = [`server 127.0.0.1 ${port}`, `zone ${zone}`, ...lines, 'send', ''].join('\n');
      execFileSync(nsupdate, ['-k', join(folder, 'right.key')], {
        input: script,
        stdio: ['pipe', 'pipe', 'pipe'],
      });
    },
    output: () => named.output(),
    stop: async () => {
      await named.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function zoneText(zone: string, records: readonly string[]): string {
  return `$TTL 3600
$ORIGIN ${zone}.
@ IN SOA ns1.${zone}. admin.${zone}. ( 2026010101 3600 600 86400 60 )
@ IN NS ns1.${zone}.
ns1 IN A 127.0.0.1
${records.join('\n')}
`;
}
