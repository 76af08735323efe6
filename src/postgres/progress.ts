import type { Emit } from '../events.ts';

const intervalMs = 200;

/** Passes bytes on and says how many went by, a few times a second. */
export async function* countBytes(
  content: AsyncIterable<Uint8Array>,
  said: { phase: string; item: string; totalBytes?: number; emit: Emit },
): AsyncGenerator<Uint8Array, number, void> {
  const { emit, ...labels } = said;
  let doneBytes = 0;
  let lastMs = 0;
  for await (const chunk of content) {
    yield chunk;
    doneBytes += chunk.length;
    const nowMs = Date.now();
    if (nowMs - lastMs < intervalMs) continue;
    lastMs = nowMs;
    emit({ type: 'progress', ...labels, doneBytes });
  }
  emit({ type: 'progress', ...labels, doneBytes });
  return doneBytes;
}
