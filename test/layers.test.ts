import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type Import, importsOf, reachedFrom } from './support/imports.ts';

const imports = importsOf('{src,stacks}/**/*.ts');
const loaded = imports.filter(({ kind }) => kind !== 'type');
const show = ({ from, to }: Import) => `${from} imports ${to}`;

/** Modules of Node that touch nothing outside of the process. */
const pureModules = ['node:path', 'node:util', 'node:buffer'];
/** Loaded when first needed, for each of them would be felt in `relocate --help`. */
const heavyPackages =
  /^(@pulumi\/|@pulumiverse\/|@ovhcloud\/|@ediri\/|@aws-sdk\/|@azure\/|google-auth-library$|ssh2$|pg$|execa$|koffi$|ora$)/;

test('there is something to look at', () => {
  expect(imports.map(show)).toContain('src/main.ts imports src/cli/program.ts');
  expect(loaded.length).toBeGreaterThan(300);
});

describe('what is pure stays pure', () => {
  test.each([
    ['src/app', ['src/app/', 'src/errors.ts', 'yaml', 'zod', ...pureModules]],
    ['src/report', ['src/report/', 'src/ui/format.ts', ...pureModules]],
    ['src/errors.ts', []],
    ['src/events.ts', []],
    ['src/ui/format.ts', pureModules],
  ])('%s loads nothing that does I/O', (layer, allowed) => {
    const wrong = loaded
      .filter(({ from }) => from === layer || from.startsWith(`${layer}/`))
      .filter(({ to }) => !allowed.some((one) => (one.endsWith('/') ? to.startsWith(one) : to === one)));
    expect(wrong.map(show)).toEqual([]);
  });

  test('app knows of no other layer, not even by its types', () => {
    const wrong = imports.filter(({ from, to }) => from.startsWith('src/app/') && /^(src|stacks)\//.test(to));
    const own = /^src\/(app\/|errors\.ts$)/;
    expect(wrong.filter(({ to }) => !own.test(to)).map(show)).toEqual([]);
  });
});

describe('adapters stand apart', () => {
  test.each([
    ['src/sources', 'source'],
    ['src/storage', 'storage'],
  ])('no file of %s loads a sibling that is not its own part', (folder, contract) => {
    const wrong = loaded
      .filter(({ from, to }) => from.startsWith(`${folder}/`) && to.startsWith(`${folder}/`))
      .filter(({ from }) => basename(from) !== 'index.ts')
      .filter(({ from, to }) => {
        const own = basename(from, '.ts').split('-')[0] ?? '';
        const name = basename(to, '.ts');
        return ![own, contract].some((one) => name === one || name.startsWith(`${one}-`));
      });
    expect(wrong.map(show)).toEqual([]);
  });

  test('no target loads another, nor a stage', () => {
    const shared = /^stacks\/(target\.ts|cloud-init\.ts|cloud\/)/;
    const wrong = loaded.filter(({ from, to }) => {
      const own = /^stacks\/([^/.]+)/.exec(from)?.[1];
      if (own === undefined || own === 'index') return false;
      const isOwn = to.startsWith(`stacks/${own}/`) || to === `stacks/${own}.ts` || shared.test(to);
      return (
        (to.startsWith('stacks/') && !isOwn) ||
        /^src\/(relocation|cli|app|sources|repository|storage|ui|report)\//.test(to)
      );
    });
    expect(wrong.map(show)).toEqual([]);
  });

  test('stages know no target and no storage, and the repository by its contract only', () => {
    const wrong = loaded.filter(
      ({ from, to }) =>
        from.startsWith('src/relocation/') && /^(stacks|src\/(storage|repository|cli|ui|report))\//.test(to),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test('nothing but the command line sees the command line, and nothing but it draws', () => {
    const wrong = imports.filter(({ from, to }) => {
      if (from === 'src/main.ts' || from.startsWith('src/cli/')) return false;
      const draws = to.startsWith('src/ui/') && to !== 'src/ui/format.ts' && !from.startsWith('src/ui/');
      return draws || to.startsWith('src/cli/') || to === 'src/main.ts' || to === 'commander';
    });
    expect(wrong.map(show)).toEqual([]);
  });

  test.each([
    ['@pulumi/', /^(src\/relocation\/pulumi|stacks\/)/],
    ['pg', /^src\/postgres\//],
    ['ora', /^src\/ui\//],
    ['koffi', /^src\/(filesystem\/posix|repository\/primitives)/],
    ['@aws-sdk/', /^(src\/(storage\/s3|dns\/route53)|stacks\/aws\/)/],
    ['@azure/', /^src\/storage\/azure/],
    ['google-auth-library', /^(src\/storage\/gcs|stacks\/gcp\/)/],
    ['ssh2', /^src\/(ssh\/|hosts\/ssh\/|storage\/sftp)/],
    ['commander', /^src\/(cli\/|main\.ts)/],
    ['yaml', /^src\/app\//],
  ])('%s is known in one place', (name, place) => {
    const users = imports.filter(({ to }) => to === name || (name.endsWith('/') && to.startsWith(name)));
    expect(users.length).toBeGreaterThan(0);
    expect(users.filter(({ from }) => !place.test(from)).map(show)).toEqual([]);
  });
});

describe('nothing is loaded before it is needed', () => {
  test('help loads no heavy package, nor any part but the command line', () => {
    const help = [...imports, ...lazily('src/main.ts')];
    const reached = reachedFrom('src/main.ts', help, ['static']);
    expect(reached).toContain('src/cli/deploy.ts');
    expect(reached.filter((one) => heavyPackages.test(one) || one === 'zod' || one === 'yaml')).toEqual([]);
    expect(
      reached.filter((one) => /^(src\/(?!cli\/|main\.|errors\.|version\.|events\.)|stacks\/)/.test(one)),
    ).toEqual([]);
  });

  test('heavy packages are loaded lazily by all but programs that run by themselves', () => {
    const programs = /^stacks\/[^/]+\/(resources|provider-main)\.ts$/;
    const wrong = imports.filter(({ to, kind }) => kind === 'static' && heavyPackages.test(to));
    expect(wrong.filter(({ from }) => !programs.test(from)).map(show)).toEqual([]);
  });

  /** The start of the program loads its first parts lazily, to set Node up before them. */
  function lazily(file: string): Import[] {
    return imports
      .filter(({ from, kind }) => from === file && kind === 'dynamic')
      .map((one) => ({ ...one, kind: 'static' }));
  }
});

test('no file needs itself to be loaded', () => {
  const files = [...new Set(loaded.map(({ from }) => from))];
  const cycles = files.filter((file) =>
    loaded.some(
      ({ from, to }) => from === file && reachedFrom(to, loaded, ['static', 'dynamic']).includes(file),
    ),
  );
  expect(cycles).toEqual([]);
});

test('no file lies about unused', () => {
  const startedByThemselves = /(^src\/main|-main|-worker)\.ts$/;
  const used = new Set(imports.map(({ to }) => to));
  const unused = globSync('{src,stacks}/**/*.ts').filter((file) => !used.has(file));
  expect(unused.filter((file) => !startedByThemselves.test(file))).toEqual([]);
});

test('no file is so long that it needs a map', () => {
  const long = globSync('{src,stacks}/**/*.ts').map(
    (file) => [file, readFileSync(file, 'utf8').split('\n').length - 1] as const,
  );
  expect(long.filter(([, lines]) => lines >= 320)).toEqual([]);
});

test('every package that is loaded is a dependency, and every dependency is loaded', () => {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    dependencies: Record<string, string>;
    /** Those of targets that are too large for everybody: whoever deploys there installs them. */
    peerDependencies: Record<string, string>;
  };
  const packages = loaded.map(({ to }) => to).filter((to) => !/^(node:|src\/|stacks\/)/.test(to));
  const names = packages.map((to) => /^(@[^/]+\/)?[^/]+/.exec(to)?.[0] ?? to);
  expect([...new Set(names)].toSorted()).toEqual(
    Object.keys({ ...dependencies, ...peerDependencies }).toSorted(),
  );
});
