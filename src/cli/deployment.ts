import type { Target } from '../../stacks/target.ts';
import type { App } from '../app/app.ts';
import { RelocateError } from '../errors.ts';
import type { DeployInput } from '../relocation/prepare.ts';
import type { Repository } from '../repository/repository.ts';
import {
  findApp,
  openStorageOf,
  passwordsOf,
  repositoryPlaces,
  stateFolderOf,
  withRepository,
} from './context.ts';
import { readSchemas } from './schemas.ts';
import type { Session } from './session.ts';

/**
 * What `plan` and `deploy` have in common: everything a deploy to each of the targets needs, from a repository and its
 * password alone. Without `--to`, the targets are those of relocate.yaml.
 */
export async function withDeployInputs<T>(
  session: Session,
  options: { to?: string; snapshot: string },
  work: (inputs: (DeployInput & { repository: Repository })[]) => Promise<T>,
): Promise<T> {
  const [{ targetOf }, { sourceOf }, schemas] = await Promise.all([
    import('../../stacks/index.ts'),
    import('../sources/index.ts'),
    readSchemas(),
  ]);
  const app = (await findApp(session))?.app;
  const chosen = chooseTargets(options.to, app, targetOf);
  const passwords = passwordsOf(session);
  const handover = () =>
    repositoryPlaces(session, app).map((place) => ({
      url: place.url,
      password: () => passwords(place),
      openStorage: () => openStorageOf(session, place),
    }));
  return withRepository(session, app, (repository) =>
    work(
      chosen.map((choice) => ({
        ...choice,
        repository,
        snapshot: options.snapshot,
        app: app?.name,
        stateFolder: stateFolderOf(session.globals, app),
        sourceOf,
        schemas,
        handover: handover(),
        now: new Date(),
      })),
    ),
  );
}

/** Tells what deploys would do, and does nothing. */
export async function showPlans(session: Session, inputs: readonly DeployInput[]): Promise<void> {
  const [{ planDeploy }, { planText }] = await Promise.all([
    import('../relocation/deploy.ts'),
    import('../report/deploy.ts'),
  ]);
  const plans = await Promise.all(inputs.map(planDeploy));
  const [only, ...others] = plans;
  const value = only !== undefined && others.length === 0 ? only : { plans };
  session.result(value, plans.map(planText).join('\n\n'));
}

type Choice = Pick<DeployInput, 'target' | 'targetOptions'>;

/** In the order to try. Throws `usage`. */
function chooseTargets(
  to: string | undefined,
  app: App | undefined,
  targetOf: (name: string) => Target,
): Choice[] {
  const words = to === undefined ? (app?.targets ?? []).map(({ name }) => name) : to.split(',');
  const choices = words.map((word) => chooseTarget(word.trim(), app, targetOf));
  const names = choices.map(({ target }) => target.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new RelocateError('usage', `The target ${twice} is named twice.`, {
      hint: 'Each may be named once: deployments are told apart by it.',
    });
  }
  if (choices.length > 0) return choices;
  throw new RelocateError('usage', 'No target was named.', {
    hint: 'Name one or several, in the order to try, with --to, or list them under “targets:” in relocate.yaml.',
  });
}

function chooseTarget(word: string, app: App | undefined, targetOf: (name: string) => Target): Choice {
  const [, name = word, text] = /^([^:]*):(.*)$/s.exec(word) ?? [];
  const target = targetOf(name);
  if (text === undefined) {
    const named = app?.targets.find((choice) => choice.name === name);
    return named === undefined ? { target } : { target, targetOptions: named.options };
  }
  const given = target.optionsOf?.(text);
  if (given === undefined) {
    throw new RelocateError('usage', `The target ${name} takes nothing behind its name: ${word}`, {
      hint: 'Write its options under “targets:” in relocate.yaml.',
    });
  }
  const parsed = target.options.safeParse(given);
  if (parsed.success) return { target, targetOptions: parsed.data };
  throw new RelocateError('usage', `The target ${name} cannot be reached with “${text}”.`, {
    facts: { problem: parsed.error.issues[0]?.message },
  });
}
