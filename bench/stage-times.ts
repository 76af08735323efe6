import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What Node's profiler writes for one thread: a tree of calls, and which of them each sample met. Times in µs. */
interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string }; children?: number[] }[];
  samples: number[];
  timeDeltas: number[];
}

export type StageTimes = ReadonlyMap<string, number>;

/**
 * Which stage a call belongs to: the first rule that knows it, asked from the innermost call outwards. `where` is
 * `function file`, such as `compress repository/primitives.js`.
 */
const rules: readonly (readonly [stage: string, where: RegExp])[] = [
  ['(waiting)', /^\(idle\)/],
  ['collecting garbage', /^\(garbage collector\)/],
  [
    'starting up',
    /^(compile\w*|resolve\w*|\w*[Mm]odule\w*) | (esm|bootstrap|modules|cjs)\/| assembly\/| cli\/| koffi\//,
  ],
  ['cutting', /^wasm-function|repository\/chunker/],
  ['hashing', /^hash crypto\/hash/],
  ['verifying (CRC)', /^crc32 /],
  ['compressing', /^compress repository/],
  ['unpacking', /^decompress repository/],
  ['ciphers and tags', /^(crypt|tag) repository|crypto\/cipher/],
  ['copying into place', /^place repository/],
  ['trees', /repository\/(tree|go-strings)|filesystem\/(trees|parent-trees)/],
  ['packing', /repository\/(packer|pack)\./],
  ['sealing, around the ciphers', /repository\/seal-/],
  ['opening, around the ciphers', /repository\/(open|read)/],
  ['handing over to threads', /repository\/(threads|slots)|postMessage|worker\/io/],
  ['storage', / storage\//],
  ['repository, the rest', / repository\//],
  ['folders and files', / filesystem\/| sources\//],
  ['telling the user', / ui\/| report\//],
];

const proving = 'opening again, as proof';
const unknown = 'Node and what is not known';

/** Milliseconds of each stage in the threads of one process, by what its profiler wrote into a folder: one map a thread. */
export async function readStageTimes(folder: string): Promise<StageTimes[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile')).toSorted();
  return Promise.all(
    names.map(async (name) => stagesOf(JSON.parse(await readFile(join(folder, name), 'utf8')) as CpuProfile)),
  );
}

function stagesOf({ nodes, samples, timeDeltas }: CpuProfile): StageTimes {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const stages = new Map<number, string>();
  const visit = (id: number, outer: string, isSealing: boolean): void => {
    const node = byId.get(id);
    if (node === undefined) return;
    const where = whereOf(node.callFrame);
    // A blob that is opened while it is sealed is opened for proof: one stage, whatever it calls.
    const isProof = outer === proving || (isSealing && where.startsWith('open repository/seal-blob'));
    const stage = isProof ? proving : (rules.find(([, rule]) => rule.test(where))?.[0] ?? outer);
    stages.set(id, stage);
    const isInside = isSealing || where.startsWith('seal repository/seal-blob');
    for (const child of node.children ?? []) visit(child, stage, isInside);
  };
  visit(nodes[0]?.id ?? 0, unknown, false);
  const times = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const stage = stages.get(id) ?? unknown;
    times.set(stage, (times.get(stage) ?? 0) + (timeDeltas[index] ?? 0) / 1000);
  }
  return times;
}

/** `function file`, of our own files below dist/src, of Node's without `node:internal`. */
const whereOf = ({ functionName, url }: CpuProfile['nodes'][number]['callFrame']): string =>
  `${functionName} ${url.replace(/^.*\/dist\/src\/|^.*\/dist\/|^node:(internal\/)?|^.*node_modules\//, '')}`;
