import type { Node } from '../repository/tree.ts';
import { sanitise } from '../ui/format.ts';

/** One line of `show --files`. */
export function listing({ path, node }: { path: Buffer; node: Node }): string {
  const permissions = (node.mode & 0o777).toString(8).padStart(4, '0');
  return `${node.type.padEnd(7)} ${permissions} ${String(node.size).padStart(12)} ${sanitise(node.mtime.slice(0, 19))}Z ${sanitise(path.toString())}`;
}
