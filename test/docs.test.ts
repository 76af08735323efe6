import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { parseApp } from '../src/app/parse.ts';
import { buildProgram } from '../src/cli/program.ts';
import { readSchemas } from '../src/cli/schemas.ts';

const documents = [
  'README.md',
  'CHANGELOG.md',
  ...globSync('docs/*.md'),
  ...globSync('examples/*/README.md'),
];
const textOf = (document: string) => readFileSync(document, 'utf8');

interface Block {
  language: string;
  text: string;
}

function blocksOf(document: string): Block[] {
  return [...textOf(document).matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(([, language = '', text = '']) => ({
    language,
    text,
  }));
}

/** Every command line of ours: in shell blocks a line each, in the text between backticks. */
function commandsOf(document: string): string[] {
  const shell = blocksOf(document)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.replaceAll('\\\n', ' ').split('\n'))
    .map((line) => line.replace(/(^|\s)#.*$/, ''))
    .flatMap((line) => line.split(/&&|\||;/));
  const inline = [...textOf(document).matchAll(/`(relocate [^`\n]+)`/g)].map(([, command = '']) => command);
  return [...shell.map((line) => line.trim()), ...inline].filter((line) => line.startsWith('relocate '));
}

/** What is wrong with a command line; nothing of it is run. */
async function problemOf(line: string): Promise<string | undefined> {
  const words = [...line.matchAll(/"[^"]*"|'[^']*'|\S+/g)].map(([word]) =>
    word.replaceAll(/^["']|["']$/g, ''),
  );
  let reached = false;
  const disarm = (command: Command) => {
    command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
    if (command.commands.length === 0) {
      command.action(() => {
        reached = true;
      });
    }
    command.commands.forEach(disarm);
  };
  const program = buildProgram();
  disarm(program);
  // A command that is only mentioned is named without what it needs.
  if (words.length === 2 && program.commands.some((one) => one.name() === words[1])) return undefined;
  try {
    await program.parseAsync(words.slice(1), { from: 'user' });
    return reached ? undefined : 'it is no command';
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code === 'commander.helpDisplayed' || code === 'commander.version' ? undefined : message;
  }
}

describe('the documents', () => {
  test('show commands at all, and a wrong one would be found', async () => {
    expect(commandsOf('README.md').length).toBeGreaterThan(5);
    expect(await problemOf('relocate deploy --to local --yess')).toMatch(/unknown option/);
    expect(await problemOf('relocate deploy --too local')).toBeDefined();
    expect(await problemOf('relocate deplyo --to local')).toMatch(/unknown command/);
    expect(await problemOf('relocate key drop')).toBeDefined();
  });

  test.each(documents)('%s shows only commands that the program takes', async (document) => {
    const problems: string[] = [];
    for (const line of commandsOf(document)) {
      const problem = await problemOf(line);
      if (problem !== undefined) problems.push(`${line}: ${problem}`);
    }
    expect(problems).toEqual([]);
  });

  test.each(documents)('%s links only to what is there', (document) => {
    const links = [...textOf(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    const broken = links.filter((link) => {
      if (/^https?:\/\//.test(link)) return false;
      const [path = '', anchor] = link.split('#');
      const file = path === '' ? document : join(dirname(document), path);
      return !existsSync(file) || (anchor !== undefined && !anchorsOf(file).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  test.each(documents)('%s names only files of the project that exist', (document) => {
    const named = [
      ...textOf(document).matchAll(/`((?:src|stacks|test|bin|docs|examples|bench)\/[\w./-]+)`/g),
    ];
    const paths = named.map(([, path = '']) => path).filter((path) => !path.includes('KIND'));
    expect(paths.filter((path) => !existsSync(path))).toEqual([]);
  });
});

function anchorsOf(file: string): string[] {
  return [...textOf(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

describe('relocate.yaml as it is documented', () => {
  const examples = documents.flatMap((document) =>
    blocksOf(document)
      .filter(({ language }) => language === 'yaml')
      .map(({ text }, index) => ({ title: `${document}, example ${index + 1}`, text })),
  );

  const servicesIn: Record<string, string> = {
    Procfile: 'web: x\nmail: y\n',
    'compose.yaml': 'services: { web: { image: x } }\n',
  };
  test.each(examples)('$title is taken by the program', async ({ text }) => {
    // A part of a file is shown without what every file has.
    const whole = /^app:/m.test(text) ? text : `app: example\ncode: .\n${text}`;
    const app = await parseApp(whole, {
      path: '/srv/app/relocate.yaml',
      folder: '/srv/app',
      environment: { DATABASE_URL: 'postgres://h/d', DB_PASSWORD: 'x', ADMIN_PASSWORD: 'x' },
      readFile: (path) => Promise.resolve(servicesIn[basename(path)] ?? ''),
      ...(await readSchemas()),
    });
    expect(app.name).not.toBe('');
  });

  test('every key of the schema has its place in docs/CONFIGURATION.md', () => {
    const keys = new Set<string>();
    const visit = (schema: unknown) => {
      if (typeof schema !== 'object' || schema === null) return;
      for (const [key, value] of Object.entries(schema)) {
        if (key === 'properties') for (const name of Object.keys(value as object)) keys.add(name);
        visit(value);
      }
    };
    visit(JSON.parse(textOf('relocate.schema.json')));
    expect(keys.size).toBeGreaterThan(30);
    const text = textOf('docs/CONFIGURATION.md');
    expect([...keys].filter((key) => !text.includes(`\`${key}\``))).toEqual([]);
  });
});

test('docs/ARCHITECTURE.md says of every dependency why it is there', () => {
  const { dependencies, devDependencies } = JSON.parse(textOf('package.json')) as Record<
    string,
    Record<string, string>
  >;
  const text = textOf('docs/ARCHITECTURE.md');
  const names = Object.keys({ ...dependencies, ...devDependencies });
  expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

test('hints name only commands that the program has', () => {
  const known = buildProgram().commands.map((one) => one.name());
  const named = globSync('{src,stacks}/**/*.ts').flatMap((file) =>
    [...textOf(file).matchAll(/hint:[^]*?(?:\}|\),)/g)].flatMap(([hint]) =>
      [...hint.matchAll(/(?<=: |“|['`])relocate ([a-z]+)/g)].map(([, name = '']) => ({ file, name })),
    ),
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter(({ name }) => !known.includes(name))).toEqual([]);
});
