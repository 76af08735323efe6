import type { App } from '../app/app.ts';
import {
  deploymentVariable,
  environmentChanges,
  moveEnvironment,
  withMovedVariables,
  type Move,
} from './environment.ts';
import { mentionsDatabase } from './environment-database.ts';
import type { EnvironmentChange } from './types.ts';

/** Pure: the environment of a deployed app. Holds secrets, but for `changes`. */
export interface DeployedEnvironment {
  /** For checks by command: all but `PORT`. */
  shared: Record<string, string>;
  services: Record<string, Record<string, string>>;
  changes: EnvironmentChange[];
  /** What no variable tells the app, in words. */
  gaps: string[];
}

/**
 * Files are not rewritten: the code comes back as it was. A variable in a process's environment wins over the same one
 * in an env file with every common loader (dotenv, Docker Compose, Foreman), so this is enough.
 */
export function deployedEnvironment(
  app: App,
  move: Move,
  /** By service; text, because a plan shows a placeholder where a port is not known yet. */
  ports: Readonly<Record<string, string>>,
  deployment: string,
): DeployedEnvironment {
  const variables = Object.fromEntries(
    Object.entries(app.variables).map(([name, { value }]) => [name, value]),
  );
  const before = withMovedVariables(app.environment, variables, move);
  const shared = { ...moveEnvironment(before, move), [deploymentVariable]: deployment };
  const names = app.services?.services.map((service) => service.name) ?? [];
  const services = Object.fromEntries(
    names.map((name) => [name, ports[name] === undefined ? shared : { ...shared, PORT: ports[name] }]),
  );
  return {
    shared,
    services,
    changes: [...environmentChanges(before, shared), ...portChanges(before['PORT'], names, ports)],
    gaps: app.services === undefined ? [] : gapsOf(before, move),
  };
}

function portChanges(
  before: string | undefined,
  names: readonly string[],
  ports: Readonly<Record<string, string>>,
): EnvironmentChange[] {
  return names.flatMap((name) => {
    const after = ports[name];
    return after === undefined
      ? []
      : [{ name: names.length === 1 ? 'PORT' : `PORT of ${name}`, before, after }];
  });
}

function gapsOf(before: Record<string, string>, move: Move): string[] {
  return move.databases
    .filter((database) => !mentionsDatabase(before, database))
    .map(
      ({ name, after }) =>
        `No variable of the app leads to “${name}”, so the app was not told that it is now at ${after.host}:${after.port}, database ${after.database}.`,
    );
}
