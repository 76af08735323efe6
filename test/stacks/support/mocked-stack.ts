import * as pulumi from '@pulumi/pulumi';

/** A resource as a program asked for it. */
export interface Made {
  type: string;
  name: string;
  /** Secrets stand in it as all else does. */
  inputs: Record<string, unknown>;
  /** Set where it is to be taken over and not made. */
  importId: string | undefined;
}

export interface Mocks {
  /** What the provider adds to what it was given. */
  outputs: (made: { type: string; name: string; inputs: Record<string, unknown> }) => Record<string, unknown>;
  idOf?: ((name: string) => string) | undefined;
}

export interface MockedRun {
  /** Of the program, secrets in clear. */
  outputs: Record<string, unknown>;
  made: Made[];
  /** Every text that was sent to the engine, by whether it was marked as a secret. */
  secretTexts: string[];
  plainTexts: string[];
}

/** The mark that Pulumi puts on secrets on their way to the engine (sdk/nodejs/runtime/rpc.ts). */
const markKey = '4dabf18193072939515e22adb298388d';
const secretMark = '1b47061264138c4ac30d75fd1eb44270';

/**
 * Runs a stack's program with Pulumi's own mocks in place of an engine and a provider: the official package's classes,
 * serialisation and waiting are real, and nothing is made.
 */
export async function runMocked(
  run: () => Promise<Record<string, unknown>>,
  { outputs: outputsOf, idOf }: Mocks,
): Promise<MockedRun> {
  const made: Made[] = [];
  const secretTexts: string[] = [];
  const plainTexts: string[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource({ type, name, inputs, id }) {
        const given = open(inputs, false) as Record<string, unknown>;
        const importId = id === undefined || id === '' ? undefined : id;
        made.push({ type, name, inputs: given, importId });
        return {
          id: importId ?? idOf?.(name) ?? `${name}-id`,
          state: { ...given, ...outputsOf({ type, name, inputs: given }) },
        };
      },
      call: ({ inputs }) => inputs as Record<string, unknown>,
    },
    'relocate',
    'blue',
  );
  try {
    const result = await run();
    const outputs = await settled(result);
    // Resources whose outputs nobody reads are on their way still.
    await pulumi.runtime.disconnect();
    return {
      outputs,
      made: made.toSorted((one, other) => one.name.localeCompare(other.name)),
      secretTexts,
      plainTexts,
    };
  } finally {
    await pulumi.runtime.disconnect();
  }

  function open(value: unknown, isSecret: boolean): unknown {
    if (typeof value === 'string') (isSecret ? secretTexts : plainTexts).push(value);
    if (Array.isArray(value)) return value.map((one) => open(one, isSecret));
    if (typeof value !== 'object' || value === null) return value;
    const fields = value as Record<string, unknown>;
    if (fields[markKey] === secretMark) return open(fields['value'], true);
    return Object.fromEntries(Object.entries(fields).map(([key, one]) => [key, open(one, isSecret)]));
  }
}

function settled(result: Record<string, unknown>): Promise<Record<string, unknown>> {
  let timer: NodeJS.Timeout | undefined;
  return new Promise<Record<string, unknown>>((resolve, reject) => {
    pulumi.output(result).apply((value) => resolve(value as Record<string, unknown>));
    timer = setTimeout(() => reject(new Error('the program did not come to its end')), 20_000);
  }).finally(() => clearTimeout(timer));
}
