/**
 * Where the names of an app are looked after. One file a provider, one line in index.ts, one test that calls the
 * contract suite (test/contract/dns.ts). The stages know no provider but by this.
 */
export interface DnsZone {
  /** The key in relocate.yaml. */
  readonly provider: string;
  /** Whole, lowercase, without the final dot, as all names here. */
  readonly name: string;
  /** The shortest time to live that the provider takes. */
  readonly leastTtlSeconds: number;
  /**
   * Whether addresses can take the place of a CNAME, and the other way round, in one moment. Where they can't, a name
   * would have no answer in between, and `replace` refuses with `dns-failed` unless `allowGap` is given.
   */
  readonly swapsTypes: boolean;
  /** A person makes the changes: `replace` only says which, and the name servers tell when it is done. */
  readonly byHand: boolean;

  /** Every A, AAAA and CNAME record of the names, sorted by name and type. Throws `dns-zone-missing`, `dns-failed`. */
  list(names: readonly string[]): Promise<RecordSet[]>;

  /**
   * Puts `after` in the place of `before`, which is all that the name has, as `list` told it. In one moment where the
   * provider can, else in an order in which the name always has an answer. Throws `dns-changed`, with nothing changed,
   * when the name has something else than `before`; `dns-failed` when the provider refuses.
   */
  replace(change: RecordChange): Promise<void>;

  /** The zone's own servers, as `host`, `host:port` or `[IPv6]:port`. */
  nameServers(): Promise<string[]>;
}

export interface RecordChange {
  name: string;
  before: readonly RecordSet[];
  after: readonly RecordSet[];
  /** A moment without an answer is allowed. */
  allowGap?: boolean;
}

/** What says where a name leads; all other types are left alone. */
export const recordTypes = ['A', 'AAAA', 'CNAME'] as const;
export type RecordType = (typeof recordTypes)[number];

/** All records of one name and type. Serialisable. */
export interface RecordSet {
  name: string;
  type: RecordType;
  ttlSeconds: number;
  /** Addresses in their usual writing, sorted; or the one name that a CNAME leads to. */
  values: string[];
  /** What only the provider understands, and gets back as it was. No secrets. */
  settings?: Record<string, unknown>;
  /** The servers answer with something else than `values`, so that their answers cannot be held against it. */
  hidden?: true;
}

/** What opening a zone needs of the world. */
export interface ZoneContext {
  /** Of this process; credentials are found in it, under the names that the provider's own tools use. */
  environment: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
  /** Says something to the person: what is to be changed by hand. */
  say: (message: string) => void;
}
