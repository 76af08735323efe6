import { z } from 'zod';

/** What is laid over an app's Compose file where it is deployed. The file itself comes back as it was. */
export interface ComposeOverride {
  /** By service: the image that came with the snapshot, as the engine knows it now. */
  images: Readonly<Record<string, string>>;
  /** By service: the port of the host that is meant for it. */
  ports: Readonly<Record<string, number>>;
  /** By volume: the folder that holds what was in it, absolute. */
  volumes?: Readonly<Record<string, string>>;
}

const portSchema = z.object({
  target: z.number(),
  published: z.union([z.string(), z.number()]).optional(),
  host_ip: z.string().optional(),
  protocol: z.string().optional(),
});

/** The little of `docker compose config --format json` that is looked at. The rest of it may hold secrets. */
export const composeConfigSchema = z.object({
  services: z.record(z.string(), z.object({ ports: z.array(portSchema).optional() })),
  volumes: z
    .record(z.string(), z.object({ external: z.boolean().optional() }).nullable())
    .optional()
    .nullable(),
});

export type ComposeConfig = z.infer<typeof composeConfigSchema>;

/**
 * Pure: the text of the file. Services run the images of the snapshot and nothing that a registry may have under their
 * name since; the first port that a service publishes becomes the one that the host has for it, reached from the host
 * alone; volumes are the project's own, also those that the file names, so that what else is on the host is left alone.
 * One that came with the snapshot is bound to the folder that holds it.
 */
export function overrideText(config: ComposeConfig, project: string, override: ComposeOverride): string {
  const services = Object.entries(config.services).flatMap(([name, { ports = [] }]) => {
    const lines = [...imageLines(override.images[name]), ...portLines(ports, override.ports[name])];
    return lines.length === 0 ? [] : [`  ${JSON.stringify(name)}:`, ...lines];
  });
  const volumes = Object.entries(config.volumes ?? {}).flatMap(([name, volume]) => {
    const ownName = `    name: ${JSON.stringify(`${project}_${name}`)}`;
    const folder = override.volumes?.[name];
    if (folder !== undefined) return [`  ${JSON.stringify(name)}: !override`, ownName, ...boundTo(folder)];
    return volume?.external === true ? [] : [`  ${JSON.stringify(name)}:`, ownName];
  });
  return [
    '# Written by relocate at each start; changes are lost.',
    services.length === 0 ? 'services: {}' : 'services:',
    ...services,
    ...(volumes.length === 0 ? [] : ['volumes:', ...volumes]),
    '',
  ].join('\n');
}

/** A dollar sign would begin a variable. */
function boundTo(folder: string): string[] {
  const device = JSON.stringify(folder.replaceAll('$', '$$$$'));
  return ['    driver: local', `    driver_opts: { type: none, o: bind, device: ${device} }`];
}

function imageLines(image: string | undefined): string[] {
  return image === undefined ? [] : [`    image: ${JSON.stringify(image)}`, '    pull_policy: never'];
}

function portLines(ports: readonly z.infer<typeof portSchema>[], leased: number | undefined): string[] {
  const first = ports.findIndex(
    ({ published, protocol = 'tcp' }) => published !== undefined && protocol === 'tcp',
  );
  if (leased === undefined || first === -1) return [];
  // Lists of two files are joined; this one takes the other's place.
  return [
    '    ports: !override',
    ...ports.map(({ target, published, host_ip: address, protocol = 'tcp' }, index) => {
      const parts =
        index === first
          ? ['127.0.0.1', leased, target]
          : [address, published, target].filter((one) => one !== undefined);
      return `      - ${JSON.stringify(`${parts.join(':')}/${protocol}`)}`;
    }),
  ];
}
