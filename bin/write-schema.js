// Writes relocate.schema.json, what editors know of relocate.yaml. Run it after a change of any option: npm run schema
import { writeFile } from 'node:fs/promises';
import { jsonSchemaText } from '../src/cli/schemas.ts';

await writeFile(new URL('../relocate.schema.json', import.meta.url), await jsonSchemaText());
