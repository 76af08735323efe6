/**
 * What can go wrong at the provider, on demand. Each fault begins once `after` further changing calls have gone well
 * (none when left out) and strikes `times` times (for good when left out).
 */
export type Fault = FaultKind & { after?: number; times?: number };

export type FaultKind =
  /** The account may have no more of these. */
  | { kind: 'quota'; resource: 'servers' | 'volumes' | 'primary_ips' | 'networks' | 'firewalls' }
  /** No server of that type there (any, where left out). It shows in `server_types` and when a server is made. */
  | { kind: 'out-of-stock'; location?: string; serverType?: string }
  | { kind: 'account-locked' }
  | { kind: 'token-revoked' }
  | { kind: 'token-readonly' }
  | { kind: 'rate-limited' }
  | { kind: 'server-error'; status: 500 | 502 | 503 | 504 }
  /** The connection breaks before anything is done. */
  | { kind: 'connection-lost' }
  /** A changing call is done, and its answer never arrives. */
  | { kind: 'answer-lost' }
  | { kind: 'slow-answers'; delayMs: number }
  /** Of one command (`create_server`), or of all. */
  | { kind: 'slow-actions'; delayMs: number; command?: string }
  | { kind: 'stuck-actions'; command?: string }
  | { kind: 'failing-actions'; command?: string }
  /** Switched on as the API sees it; nothing ever starts. */
  | { kind: 'never-boots' }
  /** It starts, and its port 22 answers nothing. */
  | { kind: 'ssh-silent' }
  /** Its disk and its volumes are full, but for a few KiB, as soon as it has booted. */
  | { kind: 'disk-full' }
  /** The plug is pulled once so many bytes have reached it: in the middle of a restore. It stays dark. */
  | { kind: 'dies'; afterBytes: number };

export type KindOf<K extends FaultKind['kind']> = Extract<Fault, { kind: K }>;

/** The faults that a lab has now. */
export class Faults {
  private active: { fault: Fault; begins: number; left: number }[] = [];
  private changes = 0;

  /** Returns a function that takes it back. */
  add(fault: Fault): () => void {
    const one = { fault, begins: this.changes + (fault.after ?? 0), left: fault.times ?? Infinity };
    this.active.push(one);
    return () => {
      this.active = this.active.filter((other) => other !== one);
    };
  }

  clear(): void {
    this.active = [];
  }

  /** The fault of that kind that strikes now; it counts. */
  strike<K extends Fault['kind']>(
    kind: K,
    matches: (fault: KindOf<K>) => boolean = () => true,
  ): KindOf<K> | undefined {
    const one = this.find(kind, matches);
    if (one !== undefined) one.left--;
    return one?.fault as KindOf<K> | undefined;
  }

  /** The same without counting: to show what would happen. */
  isDue<K extends Fault['kind']>(kind: K, matches: (fault: KindOf<K>) => boolean = () => true): boolean {
    return this.find(kind, matches) !== undefined;
  }

  /** A changing call came. */
  noteChange(): void {
    this.changes++;
  }

  private find<K extends Fault['kind']>(kind: K, matches: (fault: KindOf<K>) => boolean) {
    return this.active.find(
      ({ fault, begins, left }) =>
        fault.kind === kind && this.changes >= begins && left > 0 && matches(fault as KindOf<K>),
    );
  }
}

/** One fault that may happen at any step of a deploy; the same seed gives the same. */
export function randomFault(seed: number): Fault {
  const random = randomFrom(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const kinds: (() => Fault)[] = [
    () => ({ kind: 'quota', resource: pick(['servers', 'volumes', 'primary_ips', 'networks', 'firewalls']) }),
    () => ({ kind: 'out-of-stock' }),
    () => ({ kind: 'account-locked' }),
    () => ({ kind: 'token-revoked' }),
    () => ({ kind: 'token-readonly' }),
    () => ({ kind: 'rate-limited', times: pick([1, 3, 50]) }),
    () => ({ kind: 'server-error', status: pick([500, 502, 503, 504]), times: pick([1, 3, 50]) }),
    () => ({ kind: 'connection-lost', times: pick([1, 3]) }),
    () => ({ kind: 'answer-lost', times: 1 }),
    () => ({ kind: 'slow-answers', delayMs: pick([50, 500]), times: 5 }),
    () => ({ kind: 'slow-actions', delayMs: pick([500, 2_000]) }),
    () => ({ kind: 'stuck-actions', times: 1 }),
    () => ({ kind: 'failing-actions', times: 1 }),
    () => ({ kind: 'never-boots' }),
    () => ({ kind: 'ssh-silent' }),
    () => ({ kind: 'disk-full' }),
    () => ({ kind: 'dies', afterBytes: pick([10_000, 1_000_000, 20_000_000]) }),
  ];
  return { ...pick(kinds)(), after: Math.floor(random() * 10) };
}

/** Numbers from 0 up to 1 (Mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
