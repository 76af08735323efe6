import { randomBytes } from 'node:crypto';
import { main } from '@pulumi/pulumi/provider/index.js';
import { cancel } from './api.ts';
import { differs, type Kind, type Props } from './kind.ts';
import { firewall } from './kinds/firewall.ts';
import { server } from './kinds/server.ts';
import { network, networkSubnet, primaryIp, sshKey } from './kinds/simple.ts';
import { volume, volumeAttachment } from './kinds/volumes.ts';
import { concealAs, revealAll } from './secrets.ts';
import { allowTakingOver } from './take-over.ts';

/**
 * A provider plugin by the name of the official one, for where that can't be had: the same tokens and properties for the
 * resources that the stack uses, and real calls to the API that HCLOUD_ENDPOINT names. Programs don't know the
 * difference.
 */
const kinds: Record<string, Kind> = {
  'hcloud:index/sshKey:SshKey': sshKey,
  'hcloud:index/network:Network': network,
  'hcloud:index/networkSubnet:NetworkSubnet': networkSubnet,
  'hcloud:index/firewall:Firewall': firewall,
  'hcloud:index/primaryIp:PrimaryIp': primaryIp,
  'hcloud:index/volume:Volume': volume,
  'hcloud:index/volumeAttachment:VolumeAttachment': volumeAttachment,
  'hcloud:index/server:Server': server,
};

function kindOf(urn: string): Kind {
  // urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME
  const type = urn.split('::')[2]?.split('$').at(-1) ?? '';
  const kind = kinds[type];
  if (kind === undefined) throw new Error(`this stand-in of the hcloud plugin does not know ${type}`);
  return kind;
}

/** All that is known of it: what was asked for, and what the provider says. */
function outputs(wanted: Props, said: Props): Props {
  return concealAs(wanted, { ...revealAll(wanted), ...said });
}

/** A name that nothing else has, where the program gives none; the same from one run to the next. */
function nameFor(kind: Kind, urn: string, olds: Props, news: Props): Props {
  if (!kind.inputs.includes('name') || news['name'] !== undefined) return {};
  return { name: olds['name'] ?? `${urn.split('::').at(-1)}-${randomBytes(4).toString('hex').slice(0, 7)}` };
}

/** An engine that was killed leaves its plugins behind. */
const enginePid = process.ppid;
setInterval(() => {
  if (process.ppid !== enginePid) process.kill(process.pid, 'SIGKILL');
}, 500).unref();

allowTakingOver();
await main(
  {
    version: '1.41.0',
    async check(urn, olds: Props | undefined, news: Props) {
      return { inputs: { ...news, ...nameFor(kindOf(urn), urn, olds ?? {}, news) } };
    },
    async diff(_id, urn, oldState: Props, newInputs: Props) {
      const { inputs, replaces, defaults } = kindOf(urn);
      const [olds, news] = [revealAll(oldState), revealAll(newInputs)];
      const changed = inputs.filter((key) => differs(olds, news, key, defaults));
      return { changes: changed.length > 0, replaces: changed.filter((key) => replaces.includes(key)) };
    },
    async create(urn, inputs: Props) {
      const kind = kindOf(urn);
      const id = await kind.create(revealAll(inputs));
      return { id, outs: outputs(inputs, (await kind.read(id)) ?? {}) };
    },
    async read(id, urn, state: Props | undefined) {
      const kind = kindOf(urn);
      const said = await kind.read(id);
      if (said === undefined) return { id: '', props: {} };
      const props = outputs(state ?? {}, said);
      return {
        id,
        props,
        inputs: Object.fromEntries(Object.entries(props).filter(([key]) => kind.inputs.includes(key))),
      };
    },
    async update(id, urn, olds: Props, news: Props) {
      const kind = kindOf(urn);
      await kind.update(id, revealAll(olds), revealAll(news));
      return { outs: outputs(news, (await kind.read(id)) ?? {}) };
    },
    delete: (id, urn, state: Props) => kindOf(urn).remove(id, revealAll(state)),
    async cancel() {
      cancel();
    },
  },
  process.argv.slice(2),
);
