/** Properties as the engine and @pulumi/hcloud name them. */
export type Props = Record<string, unknown>;

/** One kind of resource, by the official plugin's names. Inputs come without the engine's marks of secrets. */
export interface Kind {
  /** Properties that a program may set. */
  inputs: readonly string[];
  /** Those that make it another thing when they change. */
  replaces: readonly string[];
  /** What a property that is left out means; those not named here stay as they are. */
  defaults: Props;
  /** Resolves to the ID. */
  create(inputs: Props): Promise<string>;
  /** What the provider says of it; undefined when it is gone. What it does not say is not in there. */
  read(id: string): Promise<Props | undefined>;
  update(id: string, olds: Props, news: Props): Promise<void>;
  remove(id: string, state: Props): Promise<void>;
}

/** Does the change concern the property? */
export function differs(olds: Props, news: Props, key: string, defaults: Props = {}): boolean {
  const before = olds[key] ?? defaults[key];
  const after = news[key] ?? defaults[key];
  if (after === undefined) return false;
  return canonical(before) !== canonical(after);
}

/** As text, in which order of keys does not matter, nor what is not there. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** Only what is there, under the API's names. */
export function body(values: Props): Props {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
