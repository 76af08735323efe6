import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

export interface Import {
  /** The file that imports, from the project's root. */
  from: string;
  /** A file from the project's root, or a package as it is written. */
  to: string;
  /** `static` ones are loaded with the file, `dynamic` ones when first needed, `type` ones never. */
  kind: 'static' | 'dynamic' | 'type';
}

/** Loads what its caller names by a URL, in a thread. */
const loadsByUrl = /src\/repository\/open-worker\.ts$/;

/** Every import of every file that a pattern finds. */
export function importsOf(pattern: string): Import[] {
  return globSync(pattern)
    .filter((file) => file.endsWith('.ts'))
    .flatMap((from) => {
      const source = ts.createSourceFile(from, readFileSync(from, 'utf8'), ts.ScriptTarget.Latest);
      return importsIn(source).map(({ specifier, kind }) => ({ from, to: resolve(from, specifier), kind }));
    });
}

function importsIn(source: ts.SourceFile): { specifier: string; kind: Import['kind'] }[] {
  const found: { specifier: string; kind: Import['kind'] }[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const isType = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
      found.push({ specifier: node.moduleSpecifier.text, kind: isType ? 'type' : 'static' });
    } else if (
      ts.isExportDeclaration(node) &&
      node.moduleSpecifier &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      found.push({ specifier: node.moduleSpecifier.text, kind: node.isTypeOnly ? 'type' : 'static' });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [given] = node.arguments;
      if (given !== undefined && ts.isStringLiteral(given))
        found.push({ specifier: given.text, kind: 'dynamic' });
      else if (!loadsByUrl.test(source.fileName)) throw new Error('an import of no fixed name');
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function resolve(from: string, specifier: string): string {
  return specifier.startsWith('.') ? join(dirname(from), specifier) : specifier;
}

/** Everything that is loaded with `entry`, itself included, with what led there. */
export function reachedFrom(
  entry: string,
  imports: readonly Import[],
  kinds: readonly Import['kind'][],
): string[] {
  const reached = new Set([entry]);
  for (const file of reached) {
    for (const { from, to, kind } of imports) if (from === file && kinds.includes(kind)) reached.add(to);
  }
  return [...reached];
}
