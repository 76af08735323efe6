import { RelocateError, systemCodeOf } from '../../src/errors.ts';

/**
 * Loads a provider's Pulumi package that is too large to be installed for everybody. Throws `tool-missing` with the
 * command that installs it where it is not there.
 */
export async function loadPackage<Modules>(name: string, load: () => Promise<Modules>): Promise<Modules> {
  try {
    return await load();
  } catch (error) {
    const code = systemCodeOf(error);
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error;
    throw new RelocateError(
      'tool-missing',
      `This target needs the npm package ${name}, and it is not installed`,
      {
        facts: { package: name },
        hint: `Nothing was changed. In the folder of relocate run: npm install ${name}. It is large, so it is not installed for everybody.`,
        cause: error,
      },
    );
  }
}
