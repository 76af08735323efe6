/**
 * A tree blob's JSON to change in places: what is not touched, fields unknown to this program included, comes out as
 * restic wrote it.
 */
export interface TreeJson {
  nodes: Record<string, unknown>[];
}

/** Numbers that JavaScript would round; as text they pass. A key cannot be forged inside a string: quotes are escaped there. */
const largeNumber = /"(inode|device_id|device)":(\d{16,})(?=[,}])/g;
const asText = /"(inode|device_id|device)":"(\d{16,})"(?=[,}])/g;

/** Undefined where it is no listing of nodes. */
export function parseTreeJson(json: Buffer): TreeJson | undefined {
  let tree: unknown;
  try {
    tree = JSON.parse(json.toString().replace(largeNumber, '"$1":"$2"'));
  } catch {
    return undefined;
  }
  const nodes: unknown = isFields(tree) ? tree['nodes'] : undefined;
  // Go writes null for a list that was never made.
  if (nodes === null) return { nodes: [] };
  return Array.isArray(nodes) && nodes.every(isFields) ? { nodes } : undefined;
}

const isFields = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** As Go writes JSON: these few characters escaped, a newline at the end. */
export function encodeTreeJson({ nodes }: TreeJson): Buffer {
  const json = JSON.stringify({ nodes })
    .replace(asText, '"$1":$2')
    .replaceAll(/[<>&\u2028\u2029]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return Buffer.from(`${json}\n`);
}
