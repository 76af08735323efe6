import { main } from '@pulumi/pulumi/provider/index.js';
import { z } from 'zod';
import { claimFolder, ownerOf, removeFolder } from '../../src/hosts/claimed-folder.ts';
import { holdsPort, leasePort, releasePorts } from '../../src/hosts/leases.ts';

/**
 * The provider behind target `local`: a program that the Pulumi engine starts and talks to. Not Pulumi's dynamic
 * providers: these serialise closures, which neither survives the type stripping of our sources nor jest's modules,
 * and they need a work folder from which @pulumi/pulumi resolves. Every `create` is idempotent: after a crash between
 * "made" and "written down", the next `up` finds what is there.
 */
const folderInputs = z.object({ path: z.string(), deployment: z.string() });
const portInputs = z.object({
  leases: z.string(),
  folder: z.string(),
  name: z.string(),
  from: z.number().int(),
  to: z.number().int(),
});

interface Kind {
  create(inputs: unknown): Promise<{ id: string; outs: Record<string, unknown> }>;
  exists(id: string, state: unknown): Promise<boolean>;
  remove(state: unknown): Promise<void>;
  /** Inputs that make it another thing when they change. */
  identity: readonly string[];
}

const kinds: Record<string, Kind> = {
  'relocate:local:Folder': {
    identity: ['path', 'deployment'],
    async create(inputs) {
      const folder = folderInputs.parse(inputs);
      await claimFolder(folder.path, folder.deployment);
      return { id: folder.path, outs: folder };
    },
    async exists(_id, state) {
      const folder = folderInputs.parse(state);
      return (await ownerOf(folder.path)) === folder.deployment;
    },
    async remove(state) {
      const folder = folderInputs.parse(state);
      await removeFolder(folder.path, folder.deployment);
    },
  },
  'relocate:local:Port': {
    identity: ['leases', 'folder', 'name'],
    async create(inputs) {
      const wanted = portInputs.parse(inputs);
      const port = await leasePort(wanted.leases, wanted, wanted);
      return { id: String(port), outs: { ...wanted, port } };
    },
    async exists(id, state) {
      const wanted = portInputs.parse(state);
      return holdsPort(wanted.leases, wanted, Number(id));
    },
    async remove(state) {
      const wanted = portInputs.parse(state);
      await releasePorts(wanted.leases, wanted);
    },
  },
};

function kindOf(urn: string): Kind {
  // urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME
  const type = urn.split('::')[2]?.split('$').at(-1) ?? '';
  const kind = kinds[type];
  if (kind === undefined) throw new Error(`unknown resource type ${type}`);
  return kind;
}

function differs(before: unknown, after: unknown, key: string): boolean {
  const values = z.record(z.string(), z.unknown());
  return values.parse(before)[key] !== values.parse(after)[key];
}

/** An engine that was killed leaves its plugins behind. */
const enginePid = process.ppid;
setInterval(() => {
  if (process.ppid !== enginePid) process.kill(process.pid, 'SIGKILL');
}, 500).unref();

await main(
  {
    version: '1.0.0',
    create: (urn, inputs) => kindOf(urn).create(inputs),
    async diff(_id, urn, olds, news) {
      const replaces = kindOf(urn).identity.filter((key) => differs(olds, news, key));
      return { changes: replaces.length > 0, replaces, deleteBeforeReplace: true };
    },
    async read(id, urn, state) {
      return (await kindOf(urn).exists(id, state)) ? { id, props: state } : { id: '', props: {} };
    },
    delete: (_id, urn, state) => kindOf(urn).remove(state),
  },
  process.argv.slice(2),
);
