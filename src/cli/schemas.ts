import type { Schemas } from '../app/schema.ts';

/** What may stand under `data` and `targets` of relocate.yaml: the options of every source and every target. */
export async function readSchemas(): Promise<{ sources: Schemas; targets: Schemas }> {
  const [{ sources }, { targets }] = await Promise.all([
    import('../sources/index.ts'),
    import('../../stacks/index.ts'),
  ]);
  return {
    sources: Object.fromEntries(sources.map((source) => [source.kind, source.options])),
    targets: Object.fromEntries(targets.map((target) => [target.name, target.options])),
  };
}

/** The JSON Schema of relocate.yaml, as the text of a file for editors. */
export async function jsonSchemaText(): Promise<string> {
  const [{ appJsonSchema }, { sources, targets }] = await Promise.all([
    import('../app/schema.ts'),
    readSchemas(),
  ]);
  return `${JSON.stringify(appJsonSchema(sources, targets), null, 2)}\n`;
}
