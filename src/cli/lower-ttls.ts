import { RelocateError } from '../errors.ts';
import { findApp, stateFolderOf } from './context.ts';
import type { Session } from './session.ts';

/**
 * At the start of a deploy: lets answers for the app's names be kept for a short time only, so that the cutover after it
 * is soon over. A deploy to this machine is a rehearsal, and moves no names. Never throws, and never holds a deploy up:
 * what does not work is a warning.
 */
export async function lowerTtls(session: Session, targets: string): Promise<void> {
  if (targets.split(',').every((target) => target.trim() === 'local')) return;
  try {
    const app = (await findApp(session))?.app;
    const dns = app?.dns;
    const isByHand = dns?.provider.kind === 'file' && !dns.provider.edit;
    if (app === undefined || dns === undefined || isByHand) return;
    const { prepareCutover } = await import('../relocation/cutover-ttl.ts');
    const report = await prepareCutover(
      {
        stateFolder: stateFolderOf(session.globals, app),
        app: app.name,
        dns,
        openZone: async (one, say, signal) => {
          const { openZone } = await import('../dns/index.ts');
          return openZone(one, { environment: session.environment, signal, say });
        },
        force: false,
        allowGap: false,
        wait: false,
        dryRun: false,
        patienceMs: 30_000,
      },
      {
        // Its phases would stand between those of the deploy.
        emit: (event) => {
          if (event.type === 'warning') session.emit(event);
        },
        signal: session.signal,
      },
    );
    const { cachesUntil } = report;
    const until = cachesUntil === undefined ? '' : `; a cutover is quickest from ${cachesUntil} on`;
    session.emit({
      type: 'detail',
      message: `answers for ${dns.names.join(', ')} are kept for a short time${until}`,
    });
  } catch (error) {
    if (session.signal.aborted) return;
    const message = error instanceof RelocateError ? error.message : String(error);
    session.emit({
      type: 'warning',
      code: 'ttl-not-lowered',
      message: `The names’ times to live stay as they are: ${message}`,
    });
  }
}
