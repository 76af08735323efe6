export type Mode = 'terminal' | 'plain' | 'json' | 'quiet';

export interface ModeChoice {
  json: boolean;
  quiet: boolean;
  stderrIsTty: boolean;
  /** Undefined where it is no terminal; 0 for one that was never told its size, as `docker -t` and `expect` make them. */
  stderrColumns: number | undefined;
  env: Readonly<Record<string, string | undefined>>;
}

/** `--json` wins over `-q`. A log of a CI run, or a terminal that cannot move its cursor, gets plain lines. */
export function chooseMode({ json, quiet, stderrIsTty, stderrColumns, env }: ModeChoice): Mode {
  if (json) return 'json';
  if (quiet) return 'quiet';
  // Lines cannot be counted, and so not drawn over, where a line has no width: ora would do so for ever.
  const canDraw = stderrIsTty && stderrColumns !== 0;
  return canDraw && !isSet(env['CI']) && env['TERM'] !== 'dumb' ? 'terminal' : 'plain';
}

export interface ColorChoice {
  /** `--no-color` was given. */
  noColor: boolean;
  isTty: boolean;
  env: Readonly<Record<string, string | undefined>>;
}

/** NO_COLOR and FORCE_COLOR as https://no-color.org and https://force-color.org have them: set and not empty. */
export function chooseColor({ noColor, isTty, env }: ColorChoice): boolean {
  if (noColor || isSet(env['NO_COLOR'])) return false;
  if (isSet(env['FORCE_COLOR']) && env['FORCE_COLOR'] !== '0') return true;
  return isTty && env['TERM'] !== 'dumb';
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}
