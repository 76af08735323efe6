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
  ['storage', / storage\//],
  ['repository, the rest', / repository\//],
  ['folders and files', / filesystem\/| sources\//],
  ['telling the user', / ui\/| report\//],
];

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
  const visit = (id: number, outer: string): void => {
    const node = byId.get(id);
    if (node === undefined) return;
    const stage = stageOf(node.callFrame) ?? outer;
    // What opens a blob in a thread that seals proves it: a stage of its own, whatever it calls.
    const own = outer === 'opening again' && stage !== 'collecting garbage' ? outer : stage;
    stages.set(id, own);
    for (const child of node.children ?? []) visit(child, own);
  };
  visit(nodes[0]?.id ?? 0, unknown);
  const times = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const stage = stages.get(id) ?? unknown;
    times.set(stage, (times.get(stage) ?? 0) + (timeDeltas[index] ?? 0) / 1000);
  }
  return times;
}

function stageOf({ functionName, url }: CpuProfile['nodes'][number]['callFrame']): string | undefined {
  const where = `${functionName} ${url.replace(/^.*\/dist\/src\/|^.*\/dist\/|^node:(internal\/)?|^.*node_modules\//, '')}`;
  if (where.startsWith('open repository/seal-blob')) return 'opening again';
  return rules.find(([, rule]) => rule.test(where))?.[0];
}
