import { afterEach } from '@jest/globals';

/** Variables of this process for one test; what was there before is put back after it. */
export function useEnvironment() {
  let before: Record<string, string | undefined> = {};
  const remember = (name: string) => {
    if (!(name in before)) before[name] = process.env[name];
  };
  afterEach(() => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    before = {};
  });
  return {
    set(variables: Record<string, string>) {
      for (const [name, value] of Object.entries(variables)) {
        remember(name);
        process.env[name] = value;
      }
    },
    clear(names: readonly string[]) {
      for (const name of names) {
        remember(name);
        delete process.env[name];
      }
    },
  };
}
