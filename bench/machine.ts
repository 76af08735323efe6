import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * A machine that others use too. `wrap` is a command that waits until it has the machine for itself and keeps it while
 * the command behind it runs; empty where nobody else is.
 */
export class Machine {
  readonly #wrap: readonly string[];
  #held: { sinceMs: number; release: () => Promise<void> } | undefined;

  constructor(wrap: readonly string[]) {
    this.#wrap = wrap;
  }

  /** Resolves when nobody else is at work on it. */
  async hold(): Promise<void> {
    const [program, ...args] = this.#wrap;
    if (program === undefined || this.#held !== undefined) return;
    // Says that it was started, and lives until its input ends: also when this process dies.
    const child = spawn(program, [...args, 'sh', '-c', 'echo; cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(child, 'close');
    await Promise.race([once(child.stdout, 'data'), ended]);
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
    const release = async () => {
      child.stdin.end();
      child.stdout.resume();
      await ended;
    };
    this.#held = { sinceMs: performance.now(), release };
  }

  /** Lets others at it, if they had to wait that long. */
  async release({ afterMs = 0 } = {}): Promise<void> {
    if (this.#held === undefined || performance.now() - this.#held.sinceMs < afterMs) return;
    const { release } = this.#held;
    this.#held = undefined;
    await release();
  }
}
