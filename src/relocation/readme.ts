import type { Manifest } from './types.ts';

/**
 * /README.txt of a snapshot: how to bring the app back by hand, for a person who has this repository, its password,
 * stock restic and nothing else. `byHand` gives each source's own commands, by
 * its path in the snapshot.
 */
export function snapshotReadme(manifest: Manifest, byHand: ReadonlyMap<string, readonly string[]>): string {
  const lines = [
    `This is a snapshot of the app “${manifest.app}”, taken ${manifest.capturedAt} on ${manifest.hostname}`,
    `by relocate ${manifest.relocateVersion}. It is an ordinary restic snapshot; relocate is not needed to read it.`,
    '',
    'With relocate, on any machine:',
    '',
    '    relocate -r REPOSITORY deploy --to local',
    '',
    'By hand, with stock restic:',
    '',
    `    restic -r REPOSITORY restore latest --tag app=${manifest.app} --target ./back`,
    '    cd back',
    '',
    'What lies where:',
    '',
    '    relocate.json       what was captured, with versions and fingerprints (rows, files, digests)',
    '    app/relocate.yaml   the app as relocate knew it',
    '    app/variables.env   the values relocate.yaml took from the environment (secret)',
    ...(manifest.code
      ? ['    app/code/           the code folder, with its Procfile or compose file and env files']
      : []),
    ...(manifest.images
      ? ['    images/             the images of its services: an OCI image layout that “docker load” takes']
      : []),
    ...manifest.sources.map((source) => `    ${source.path.slice(1)}/`.padEnd(24) + describe(source)),
    '',
  ];
  for (const source of [...(manifest.images ? [manifest.images] : []), ...manifest.sources]) {
    const commands = byHand.get(source.path);
    if (commands === undefined || commands.length === 0) continue;
    lines.push(`To bring back “${source.name}”:`, '', ...commands.map((command) => `    ${command}`), '');
  }
  if (manifest.services) {
    const { kind, file, names } = manifest.services;
    lines.push(
      `To start it (${names.join(', ')}): point the variables of app/variables.env and of the env files in app/code`,
      'at the new places of the data, then, in app/code:',
      '',
      kind === 'compose'
        ? `    docker compose -f ${file} up -d`
        : `    the command lines of ${file}, one for each service`,
      '',
    );
  }
  return lines.join('\n');
}

function describe(source: Manifest['sources'][number]): string {
  const tools = Object.entries(source.tools).map(([tool, version]) => `${tool} ${version}`);
  return `${source.kind}${tools.length > 0 ? ` (${tools.join(', ')})` : ''}`;
}
