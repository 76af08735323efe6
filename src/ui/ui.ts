import type { Emit } from '../events.ts';
import { createJson } from './json.ts';
import type { Mode } from './mode.ts';
import { createPlain } from './plain.ts';
import { createQuiet } from './quiet.ts';
import type { Renderer, RendererContext } from './renderer.ts';
import { createTerminal } from './terminal.ts';

export interface UiOptions extends RendererContext {
  mode: Mode;
}

/** What a command holds: hands `emit` to the stages, and says the end once with `result` or `error`. */
export interface Ui {
  emit: Emit;
  /** With `--json` the last line; elsewhere the command writes its own text to stdout. */
  result(value: unknown): void;
  error(error: unknown): void;
  /** Gives the cursor back. Safe to call at any time and twice; call it on SIGINT and before leaving. */
  stop(): void;
}

const renderers: Record<Mode, (context: RendererContext) => Renderer> = {
  terminal: createTerminal,
  plain: createPlain,
  json: createJson,
  quiet: createQuiet,
};

export function createUi({ mode, ...context }: UiOptions): Ui {
  const renderer = renderers[mode](context);
  return {
    emit: (event) => renderer.event(event),
    result: (value) => renderer.result(value),
    error: (error) => renderer.error(error),
    stop: () => renderer.stop(),
  };
}
