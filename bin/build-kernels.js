// Compiles assembly/*.ts into src/repository/kernel-binaries.ts. Run it after a change of them: npm run kernels
import { writeFile } from 'node:fs/promises';
import asc from 'assemblyscript/asc';

const kernels = ['chunker', 'poly1305'];
const options = [
  '-O3',
  '--runtime',
  'stub',
  '--noAssert',
  '--importMemory',
  '--enable',
  'simd',
  '--enable',
  'relaxed-simd',
];

/** The text of src/repository/kernel-binaries.ts. */
export async function kernelBinaries() {
  const compiled = await Promise.all(kernels.map(compile));
  return `// Written by “npm run kernels” from assembly/*.ts; a test holds it against them.\n${compiled.join('')}`;
}

/** @param {string} name */
async function compile(name) {
  let binary;
  const { error } = await asc.main([`assembly/${name}.ts`, '--outFile', 'kernel.wasm', ...options], {
    writeFile: (_name, content) => {
      binary = content;
    },
  });
  if (error || binary === undefined)
    throw new Error(`assembly/${name}.ts does not compile.`, { cause: error });
  return `\nexport const ${name}Wasm =\n  '${Buffer.from(binary).toString('base64')}';\n`;
}

if (import.meta.main) {
  await writeFile(new URL('../src/repository/kernel-binaries.ts', import.meta.url), await kernelBinaries());
}
