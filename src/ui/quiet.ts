import { renderError } from './error.ts';
import { columnsOf, type Renderer, type RendererContext } from './renderer.ts';

/** Errors only. */
export function createQuiet({ stderr, color, verbose }: RendererContext): Renderer {
  return {
    event() {},
    result() {},
    error(error) {
      stderr.write(
        `${renderError(error, { color, verbose, ...(stderr.isTTY ? { width: columnsOf(stderr) } : {}) })}\n`,
      );
    },
    stop() {},
  };
}
