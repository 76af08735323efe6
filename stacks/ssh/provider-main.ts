import { main } from '@pulumi/pulumi/provider/index.js';
import { z } from 'zod';
import { claimOn, isClaimedOn, unclaimOn, type Reached } from './reach.ts';

/** The provider behind target `ssh`: a folder and ports on a host, claimed by an agent there. See stacks/local/provider-main.ts. */
const inputsSchema = z.object({
  // oxlint-disable-next-line no-unsafe-type-assertion -- the program of this very stack wrote it.
  host: z.string().transform((json) => JSON.parse(json) as Reached),
  folder: z.string(),
  deployment: z.string(),
  names: z.string().transform((names) => names.split(' ').filter((name) => name !== '')),
  from: z.number().int(),
  to: z.number().int(),
});

const given = z.record(z.string(), z.unknown());
/** How the host is reached may change; whose folder it is may not. */
const identity = ['folder', 'deployment', 'names'];

/** An engine that was killed leaves its plugins behind. */
const enginePid = process.ppid;
setInterval(() => {
  if (process.ppid !== enginePid) process.kill(process.pid, 'SIGKILL');
}, 500).unref();

async function claim(inputs: unknown): Promise<Record<string, unknown>> {
  const { host, ...wanted } = inputsSchema.parse(inputs);
  return { ...given.parse(inputs), ports: JSON.stringify(await claimOn(host, wanted)) };
}

await main(
  {
    version: '1.0.0',
    async create(_urn, inputs) {
      return { id: inputsSchema.parse(inputs).folder, outs: await claim(inputs) };
    },
    async diff(_id, _urn, olds, news) {
      const [before, after] = [given.parse(olds), given.parse(news)];
      const replaces = identity.filter((key) => before[key] !== after[key]);
      const changes = replaces.length > 0 || before['host'] !== after['host'];
      return { changes, replaces, deleteBeforeReplace: true };
    },
    update: async (_id, _urn, _olds, news) => ({ outs: await claim(news) }),
    async read(id, _urn, state) {
      const { host, ...claimed } = inputsSchema.parse(state);
      return (await isClaimedOn(host, claimed)) ? { id, props: state } : { id: '', props: {} };
    },
    async delete(_id, _urn, state) {
      const { host, ...claimed } = inputsSchema.parse(state);
      await unclaimOn(host, claimed);
    },
  },
  process.argv.slice(2),
);
