import { silent, type Emit } from '../../events.ts';
import type { Repository } from '../repository.ts';
import { asRelocateError, noneIsLeft, withUrl } from './errors.ts';
import { Member, type CopyPlace } from './member.ts';

export interface CopiesOptions {
  emit?: Emit;
  /** Aborts when all work is to stop: then no copy is to blame for what fails. */
  signal?: AbortSignal | undefined;
}

/** The copies together: who is still there, and what happens when one fails. */
export class Crew {
  readonly members: readonly Member[];
  readonly emit: Emit;
  readonly signal: AbortSignal | undefined;

  constructor(urls: readonly string[], { emit = silent, signal }: CopiesOptions) {
    this.members = urls.map((url) => new Member(url));
    this.emit = emit;
    this.signal = signal;
  }

  /** Opens all at once. Throws where none can be opened. */
  async open(places: readonly CopyPlace[]): Promise<void> {
    const opened = await Promise.allSettled(places.map(async (place, at) => this.members[at]?.open(place)));
    // Only now is it known whether the others go on without it.
    for (const [at, member] of this.members.entries()) {
      const one = opened[at];
      if (one?.status === 'rejected') this.giveUp(member, one.reason);
    }
    this.assertSome();
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.members.map(async ({ repository }) => repository?.close()));
  }

  /** In the order of preference, which is the one they were named in. */
  get living(): Member[] {
    return this.members.filter(({ isLiving }) => isLiving);
  }

  /** Throws where no copy is left. */
  assertSome(): void {
    if (this.living.length === 0) throw noneIsLeft(this.members);
  }

  /** A copy that fails takes no part any more, and the person hears of it once. Throws where all work is to stop. */
  giveUp(member: Member, error: unknown): void {
    this.signal?.throwIfAborted();
    if (member.failure !== undefined) return;
    const failure = asRelocateError(error);
    member.fail(failure);
    if (this.living.length === 0) return;
    const what = withUrl(member.url, failure.message);
    const hint = failure.hint === undefined ? '' : ` ${failure.hint}`;
    const message = `${what} The other copies go on without it.${hint}`;
    this.emit({ type: 'warning', code: 'copy-given-up', message, item: member.url });
  }

  /** Asks all that live at once; gives the answers of those that could. Throws where none could. */
  async all<T>(work: (repository: Repository, member: Member) => Promise<T>): Promise<Map<Member, T>> {
    const answers = new Map<Member, T>();
    await Promise.all(
      this.living.map(async (member) => {
        try {
          answers.set(member, await member.run((repository) => work(repository, member)));
        } catch (error) {
          this.giveUp(member, error);
        }
      }),
    );
    this.assertSome();
    return answers;
  }
}
