import { RelocateError } from '../errors.ts';
import { decodeName, encodeName, encodeText, runes } from './go-strings.ts';

/**
 * A node of a restic tree. Names and targets are raw bytes because file systems promise no encoding. Numbers that may
 * pass 2^53 are bigint.
 */
export interface Node {
  name: Buffer;
  type: 'file' | 'dir' | 'symlink' | 'dev' | 'chardev' | 'fifo' | 'socket';
  /** Go's FileMode bits. */
  mode: number;
  /** RFC 3339 with nanoseconds, as restic writes them. */
  mtime: string;
  atime: string;
  ctime: string;
  uid: number;
  gid: number;
  user: string;
  group: string;
  inode: bigint;
  deviceId: bigint;
  size: number;
  links: number;
  linkTarget?: Buffer;
  extendedAttributes?: { name: string; value: Buffer }[];
  device: bigint;
  /** Blob IDs; undefined for what is no file. */
  content?: string[];
  /** Tree ID of a directory. */
  subtree?: string;
}

/**
 * The tree blob of a directory, byte for byte as restic (0.14 to 0.18) writes it: fields in the order of its Node,
 * empty ones left out, nodes in ascending order of their raw names. Two nodes of one name are an `internal` error.
 */
export function encodeTree(nodes: readonly Node[]): Buffer {
  const sorted = isAscending(nodes) ? nodes : [...nodes].sort((a, b) => a.name.compare(b.name));
  if (!isAscending(sorted))
    throw new RelocateError('internal', 'Two entries of one folder have the same name.');
  return Buffer.from(`{"nodes":[${sorted.map(encodeNode).join(',')}]}\n`);
}

function isAscending(nodes: readonly Node[]): boolean {
  return nodes.every((node, index) => {
    const before = nodes[index - 1];
    return before === undefined || before.name.compare(node.name) < 0;
  });
}

function encodeNode(node: Node): string {
  let json = `{"name":"${encodeName(node.name)}","type":"${node.type}"`;
  if (node.mode !== 0) json += `,"mode":${node.mode}`;
  json += `,"mtime":"${node.mtime}","atime":"${node.atime}","ctime":"${node.ctime}","uid":${node.uid},"gid":${node.gid}`;
  if (node.user !== '') json += `,"user":"${encodeText(node.user)}"`;
  if (node.group !== '') json += `,"group":"${encodeText(node.group)}"`;
  if (node.inode !== 0n) json += `,"inode":${node.inode}`;
  if (node.deviceId !== 0n) json += `,"device_id":${node.deviceId}`;
  if (node.size !== 0) json += `,"size":${node.size}`;
  if (node.links !== 0) json += `,"links":${node.links}`;
  if (node.linkTarget !== undefined) json += encodeLinkTarget(node.linkTarget);
  if (node.extendedAttributes !== undefined) json += encodeAttributes(node.extendedAttributes);
  if (node.device !== 0n) json += `,"device":${node.device}`;
  json += `,"content":${encodeContent(node.content)}`;
  if (node.subtree !== undefined) json += `,"subtree":"${node.subtree}"`;
  return `${json}}`;
}

function encodeContent(content: readonly string[] | undefined): string {
  if (content === undefined) return 'null';
  return content.length === 0 ? '[]' : `["${content.join('","')}"]`;
}

/** A target that is no UTF-8 stands there twice: for people with its bad bytes replaced one by one, and raw. */
function encodeLinkTarget(target: Buffer): string {
  const text = target.toString();
  if (Buffer.from(text).equals(target))
    return target.length === 0 ? '' : `,"linktarget":"${encodeText(text)}"`;
  const readable = [...runes(target)].map((rune) =>
    typeof rune === 'number' ? '\\ufffd' : encodeText(rune),
  );
  return `,"linktarget":"${readable.join('')}","linktarget_raw":"${target.toString('base64')}"`;
}

function encodeAttributes(attributes: NonNullable<Node['extendedAttributes']>): string {
  if (attributes.length === 0) return '';
  const all = attributes.map(
    ({ name, value }) => `{"name":"${encodeText(name)}","value":"${value.toString('base64')}"}`,
  );
  return `,"extended_attributes":[${all.join(',')}]`;
}

/**
 * Parses a tree blob from any restic or from an enemy: whatever could leave the target or confuse a restore (names with
 * a slash, `..`, duplicates, wrong types, numbers out of range) is `snapshot-hostile`.
 */
export function decodeTree(json: Buffer): Node[] {
  let before: Buffer | undefined;
  return parseNodes(json).map((value) => {
    const node = decodeNode(value);
    if (before !== undefined && before.compare(node.name) >= 0) {
      hostile('names are not in order, or one is there twice', node.name);
    }
    before = node.name;
    return node;
  });
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * A folder has a million entries at most, and each of them a list of blobs. What opens more brackets is an attack: a
 * few bytes of JSON take ten times as much memory as an object.
 */
const maxOpenings = 4_000_000;

function assertFewValues(json: Buffer): void {
  if (json.length < maxOpenings) return;
  let openings = 0;
  for (const byte of json) if (byte === 0x7b || byte === 0x5b) openings += 1;
  if (openings > maxOpenings) hostile('it has more values than any folder');
}

function parseNodes(json: Buffer): unknown[] {
  assertFewValues(json);
  const text = json.toString();
  const nodes = nodesOf(parseJson(text));
  // JSON.parse rounds what passes 2^53: then the digits are read again, as text.
  return nodes.some(isRounded) ? nodesOf(parseJson(text.replace(largeNumber, '"$1":"$2"'))) : nodes;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RelocateError('snapshot-hostile', 'A folder’s listing in the snapshot is no JSON.', { cause });
  }
}

function nodesOf(tree: unknown): unknown[] {
  const nodes = isFields(tree) ? tree['nodes'] : undefined;
  // Go writes null for a list that was never made.
  if (nodes === null) return [];
  return Array.isArray(nodes) ? nodes : hostile('it has no list of nodes');
}

/** A key cannot be forged inside a string, where its quotes are escaped. */
const largeNumber = /"(inode|device_id|device)":(\d{16,})(?=[,}])/g;

function isRounded(node: unknown): boolean {
  return isFields(node) && [node['inode'], node['device_id'], node['device']].some(isBeyondExact);
}

const isBeyondExact = (value: unknown): boolean =>
  typeof value === 'number' && value > Number.MAX_SAFE_INTEGER;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const types = new Set<unknown>(['file', 'dir', 'symlink', 'dev', 'chardev', 'fifo', 'socket']);
const isType = (value: unknown): value is Node['type'] => types.has(value);

function decodeNode(value: unknown): Node {
  if (!isFields(value)) return hostile('a node is no object');
  const name = safeName(value['name']);
  const type = value['type'];
  if (!isType(type)) return hostile('a node has an unknown type', name);
  const node: Node = {
    name,
    type,
    mode: integer(value['mode'], 0xffffffff, name),
    mtime: time(value['mtime'], name),
    atime: value['atime'] === value['mtime'] ? time(value['mtime'], name) : time(value['atime'], name),
    ctime: time(value['ctime'], name),
    uid: integer(value['uid'], 0xffffffff, name),
    gid: integer(value['gid'], 0xffffffff, name),
    user: text(value['user'], name),
    group: text(value['group'], name),
    inode: large(value['inode'], name),
    deviceId: large(value['device_id'], name),
    size: integer(value['size'], Number.MAX_SAFE_INTEGER, name),
    links: integer(value['links'], Number.MAX_SAFE_INTEGER, name),
    device: large(value['device'], name),
  };
  const linkTarget = decodeLinkTarget(value, name);
  if (linkTarget !== undefined) node.linkTarget = linkTarget;
  const attributes = value['extended_attributes'];
  if (attributes !== undefined && attributes !== null)
    node.extendedAttributes = decodeAttributes(attributes, name);
  const content = value['content'];
  if (content !== undefined && content !== null)
    node.content = list(content, name).map((id) => blobId(id, name));
  if (value['subtree'] !== undefined) node.subtree = blobId(value['subtree'], name);
  if (type === 'dir' && node.subtree === undefined) hostile('a folder has no subtree', name);
  if (type === 'symlink' && (linkTarget === undefined || linkTarget.includes(0)))
    hostile('a link has no target', name);
  return node;
}

function safeName(value: unknown): Buffer {
  const name = typeof value === 'string' ? decodeName(value) : undefined;
  if (name === undefined || name.length === 0) return hostile('a node has no valid name');
  if (name.includes(0x2f) || name.includes(0)) return hostile('a name holds a slash or a zero byte', name);
  if (name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e))) {
    return hostile('a name is . or ..', name);
  }
  return name;
}

function integer(value: unknown, limit: number, name: Buffer): number {
  if (value === undefined) return 0;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= limit) return value;
  return hostile('a number is out of range', name);
}

function large(value: unknown, name: Buffer): bigint {
  if (value === undefined) return 0n;
  if (typeof value === 'string' && /^\d{16,20}$/.test(value)) return BigInt(value);
  return BigInt(integer(value, Number.MAX_SAFE_INTEGER, name));
}

/** No month, day, hour, minute or second that no calendar has: restoring could make no time of it. */
const timePattern =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

function time(value: unknown, name: Buffer): string {
  return typeof value === 'string' && timePattern.test(value) ? value : hostile('a time is not one', name);
}

function text(value: unknown, name: Buffer): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : hostile('a text is not one', name);
}

function blobId(value: unknown, name: Buffer): string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
    ? value
    : hostile('an ID is not one', name);
}

function list(value: unknown, name: Buffer): unknown[] {
  return Array.isArray(value) ? value : hostile('a list is not one', name);
}

function decodeLinkTarget(fields: Fields, name: Buffer): Buffer | undefined {
  const raw = fields['linktarget_raw'];
  if (raw !== undefined) return Buffer.from(text(raw, name), 'base64');
  const target = fields['linktarget'];
  return target === undefined ? undefined : Buffer.from(text(target, name));
}

function decodeAttributes(value: unknown, name: Buffer): { name: string; value: Buffer }[] {
  return list(value, name).map((item) => {
    if (!isFields(item)) return hostile('an attribute is no object', name);
    // Go writes null for a value that was never read.
    return { name: text(item['name'], name), value: Buffer.from(text(item['value'] ?? '', name), 'base64') };
  });
}

function hostile(problem: string, name?: Buffer): never {
  throw new RelocateError(
    'snapshot-hostile',
    `A folder’s listing in the snapshot is not as restic writes it: ${problem}.`,
    {
      facts: name === undefined ? {} : { name: name.toString() },
      hint: 'Nothing was written for it. Check the repository with: relocate check --read-data',
    },
  );
}
