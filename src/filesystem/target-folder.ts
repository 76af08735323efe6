/** A folder that is made when the first thing in it is: folders that hold nothing selected are not left behind. */
export class TargetFolder {
  readonly path: Buffer;
  readonly #parent: TargetFolder | undefined;
  readonly #tasks: { make: () => boolean; finish: () => void };
  #made = false;
  #isNew = false;
  /** What is still to come in it; the walk through it counts as one. */
  #open = 1;

  /** `make` tells whether the folder was not there before; `finish` is called once nothing in it changes any more. */
  constructor(
    path: Buffer,
    parent: TargetFolder | undefined,
    tasks: { make: () => boolean; finish: () => void },
  ) {
    this.path = path;
    this.#parent = parent;
    this.#tasks = tasks;
    parent?.hold();
  }

  /** Whether it was made by this run, so that nothing is in its way there. */
  get isNew(): boolean {
    return this.#isNew;
  }

  make(): void {
    if (this.#made) return;
    this.#parent?.make();
    this.#isNew = this.#tasks.make();
    this.#made = true;
  }

  /** Something in it will be made later. */
  hold(): void {
    this.#open += 1;
  }

  release(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    if (this.#made) this.#tasks.finish();
    this.#parent?.release();
  }
}
