/** So many units at once: who asks for more waits in line. One request larger than all of it passes alone. */
export class Limit {
  readonly #total: number;
  #free: number;
  readonly #line: { units: number; go: () => void }[] = [];

  constructor(total: number) {
    this.#total = total;
    this.#free = total;
  }

  async acquire(units: number): Promise<void> {
    const wanted = Math.min(units, this.#total);
    if (this.#line.length === 0 && this.#free >= wanted) {
      this.#free -= wanted;
      return;
    }
    await new Promise<void>((go) => this.#line.push({ units: wanted, go }));
  }

  release(units: number): void {
    this.#free += Math.min(units, this.#total);
    for (let [first] = this.#line; first !== undefined && first.units <= this.#free; [first] = this.#line) {
      this.#line.shift();
      this.#free -= first.units;
      first.go();
    }
  }
}
