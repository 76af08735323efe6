import { futimesSync, lstatSync, lutimesSync, type BigIntStats } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import type { KoffiFunc } from 'koffi';
import type { Event } from '../events.ts';
import { fromRaw, showPath, type RawText } from './paths.ts';

/** What lstat says, in numbers that need no rounding.  */
export interface FileStat {
  /** As POSIX has it: type and permissions. */
  mode: number;
  uid: number;
  gid: number;
  inode: bigint;
  /** Of the file system that holds the file. */
  deviceId: bigint;
  /** That a device node stands for. */
  device: bigint;
  links: number;
  size: number;
  mtime: Moment;
  ctime: Moment;
}

/** Seconds since 1970, negative before, and nanoseconds on top of them. */
export interface Moment {
  seconds: number;
  nanoseconds: number;
}

export interface Attribute {
  name: string;
  value: Buffer;
}

/** The calls that Node has not. All are synchronous and throw errors with the usual `code`; none follows a symlink. */
export interface Posix {
  lstat(path: Buffer | RawText): FileStat;
  /** Extended attributes in the order the kernel lists them; none where the file system has none. */
  readAttributes(path: Buffer | RawText): Attribute[];
  setAttribute(path: Buffer, attribute: Attribute): void;
  removeAttribute(path: Buffer, name: string): void;
  setTimes(path: Buffer, atime: Moment, mtime: Moment): void;
  /** Of an open file. */
  setTimesOf(descriptor: number, atime: Moment, mtime: Moment): void;
  /** mknod: `mode` holds the type too. */
  makeNode(path: Buffer, mode: number, device: bigint): void;
  /** For those who look at many files and hand on what they see; undefined where it would be no gain. */
  readonly glimpse: Glimpse | undefined;
  /** What this machine cannot do, as a sentence to warn with; undefined where all is there. */
  readonly limits: string | undefined;
}

/** What a look at a file gives, undecoded. */
export interface Glimpse {
  sizeBytes: number;
  /** False where one of the calls failed: whoever needs the file finds out which, and why. */
  into(path: RawText, to: Uint8Array): { isSeen: boolean; hasAttributes: boolean };
  decode(from: Uint8Array, at: number): FileStat;
}

type LibcFunction = KoffiFunc<(...values: unknown[]) => unknown>;

/** Said by everything that works with what Node alone can do. */
export function warnOfLimits(limits: string): Event {
  return { type: 'warning', code: 'platform-limits', message: limits };
}

let loaded: Promise<Posix> | undefined;

/** Binds to the C library this process runs on, glibc or musl; elsewhere what Node alone can do. Loaded once. */
export function loadPosix(): Promise<Posix> {
  loaded ??= load();
  return loaded;
}

const supportedArchitectures = ['x64', 'arm64'];

async function load(): Promise<Posix> {
  if (process.platform !== 'linux' || !supportedArchitectures.includes(process.arch)) return plainPosix;
  try {
    const { default: koffi } = await import('koffi');
    // The symbols of the process itself: whatever libc it was started with.
    const libc = koffi.load(null);
    return linuxPosix((signature) => libc.func(signature), koffi.errno);
  } catch {
    return plainPosix;
  }
}

const maxPathBytes = 4096;
/** The kernel's limit of an attribute's value, and of the list of names. */
const maxAttributeBytes = 65_536;
const atCurrentFolder = -100;
const atSymlinkNofollow = 0x100;
const statxBasicStats = 0x7ff;
/** Up to the number of the device, behind which nothing is of interest here. */
const statxBytes = 144;
const errno = { nodata: 61, notsup: 95 };

function linuxPosix(bind: (signature: string) => LibcFunction, lastError: () => number): Posix {
  const statx = bind('int statx(int folder, void *path, int flags, uint32_t mask, void *result)');
  const llistxattr = bind('int64_t llistxattr(void *path, void *list, size_t size)');
  const lgetxattr = bind('int64_t lgetxattr(void *path, void *name, void *value, size_t size)');
  const lsetxattr = bind('int lsetxattr(void *path, void *name, void *value, size_t size, int flags)');
  const lremovexattr = bind('int lremovexattr(void *path, void *name)');
  const utimensat = bind('int utimensat(int folder, void *path, void *times, int flags)');
  const futimens = bind('int futimens(int descriptor, void *times)');
  const mknod = bindMknod(bind);

  // One call at a time and none of them re-enters, so that all can share their buffers.
  const pathBuffer = Buffer.alloc(maxPathBytes);
  const statBuffer = Buffer.alloc(256);
  const stat = new DataView(statBuffer.buffer, statBuffer.byteOffset, statBuffer.length);
  const valueBuffer = Buffer.alloc(maxAttributeBytes);
  const listBuffer = Buffer.alloc(maxAttributeBytes);
  const times = new BigInt64Array(4);
  const timesBuffer = Buffer.from(times.buffer);

  const terminated = (path: Buffer | RawText): Buffer => {
    if (path.length >= maxPathBytes) throw systemError('ENAMETOOLONG', 'open', path);
    if (typeof path === 'string') pathBuffer.write(path, 'latin1');
    else path.copy(pathBuffer);
    pathBuffer[path.length] = 0;
    return pathBuffer;
  };
  const failed = (call: string, path: Buffer | RawText) =>
    systemError(getSystemErrorName(-lastError()), call, path);

  const timesOf = (atime: Moment, mtime: Moment): Buffer => {
    for (const [index, { seconds, nanoseconds }] of [atime, mtime].entries()) {
      times[index * 2] = BigInt(seconds);
      times[index * 2 + 1] = BigInt(nanoseconds);
    }
    return timesBuffer;
  };

  const readValue = (path: Buffer | RawText, name: Buffer): Buffer | undefined => {
    const length = Number(
      lgetxattr(terminated(path), Buffer.concat([name, Buffer.of(0)]), valueBuffer, maxAttributeBytes),
    );
    if (length >= 0) return Buffer.from(valueBuffer.subarray(0, length));
    // Gone since it was listed.
    if (lastError() === errno.nodata) return undefined;
    throw failed('getxattr', path);
  };

  return {
    limits: undefined,
    glimpse: {
      sizeBytes: statxBytes,
      into(path, to) {
        const name = terminated(path);
        if (statx(atCurrentFolder, name, atSymlinkNofollow, statxBasicStats, statBuffer) !== 0)
          return { isSeen: false, hasAttributes: false };
        to.set(statBuffer.subarray(0, statxBytes));
        const length = Number(llistxattr(name, listBuffer, maxAttributeBytes));
        return { isSeen: true, hasAttributes: length !== 0 };
      },
      decode: (from, at) => decodeStatx(new DataView(from.buffer, from.byteOffset + at, statxBytes)),
    },
    lstat(path) {
      if (statx(atCurrentFolder, terminated(path), atSymlinkNofollow, statxBasicStats, statBuffer) !== 0) {
        throw failed('lstat', path);
      }
      return decodeStatx(stat);
    },
    readAttributes(path) {
      const length = Number(llistxattr(terminated(path), listBuffer, maxAttributeBytes));
      if (length === 0 || (length < 0 && lastError() === errno.notsup)) return [];
      if (length < 0) throw failed('listxattr', path);
      return splitNames(listBuffer.subarray(0, length)).flatMap((name) => {
        const value = readValue(path, name);
        return value === undefined ? [] : [{ name: name.toString(), value }];
      });
    },
    setAttribute(path, { name, value }) {
      if (lsetxattr(terminated(path), Buffer.from(`${name}\0`), value, value.length, 0) !== 0) {
        throw failed('setxattr', path);
      }
    },
    removeAttribute(path, name) {
      if (lremovexattr(terminated(path), Buffer.from(`${name}\0`)) !== 0) throw failed('removexattr', path);
    },
    setTimes(path, atime, mtime) {
      const times = timesOf(atime, mtime);
      if (utimensat(atCurrentFolder, terminated(path), times, atSymlinkNofollow) !== 0)
        throw failed('utime', path);
    },
    setTimesOf(descriptor, atime, mtime) {
      if (futimens(descriptor, timesOf(atime, mtime)) !== 0) throw failed('futime', '');
    },
    makeNode(path, mode, device) {
      if (mknod(terminated(path), mode, device) !== 0) throw failed('mknod', path);
    },
  };
}

/** Before glibc 2.33 `mknod` was no symbol of the library, but a wrapper of this one. */
function bindMknod(
  bind: (signature: string) => LibcFunction,
): (path: Buffer, mode: number, device: bigint) => unknown {
  try {
    return bind('int mknod(void *path, uint32_t mode, uint64_t device)');
  } catch {
    const xmknod = bind('int __xmknod(int version, void *path, uint32_t mode, void *device)');
    return (path, mode, device) => xmknod(0, path, mode, Buffer.from(BigUint64Array.of(device).buffer));
  }
}

/** `struct statx` is laid out alike on every architecture (linux/stat.h). */
function decodeStatx(stat: DataView): FileStat {
  const moment = (offset: number): Moment => ({
    seconds: stat.getInt32(offset + 4, true) * 2 ** 32 + stat.getUint32(offset, true),
    nanoseconds: stat.getUint32(offset + 8, true),
  });
  return {
    links: stat.getUint32(16, true),
    uid: stat.getUint32(20, true),
    gid: stat.getUint32(24, true),
    mode: stat.getUint16(28, true),
    inode: stat.getBigUint64(32, true),
    size: stat.getUint32(44, true) * 2 ** 32 + stat.getUint32(40, true),
    ctime: moment(96),
    mtime: moment(112),
    device: deviceNumber(stat.getUint32(128, true), stat.getUint32(132, true)),
    deviceId: deviceNumber(stat.getUint32(136, true), stat.getUint32(140, true)),
  };
}

/** Linux's makedev: how major and minor make one number. */
export function deviceNumber(major: number, minor: number): bigint {
  if (major < 0x1000 && minor < 0x100) return BigInt(major * 0x100 + minor);
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (
    ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn)
  );
}

function splitNames(list: Buffer): Buffer[] {
  const names: Buffer[] = [];
  for (let start = 0; start < list.length;) {
    const end = list.indexOf(0, start);
    names.push(Buffer.from(list.subarray(start, end)));
    start = end + 1;
  }
  return names;
}

/** What Node can do by itself, for systems whose C library we do not bind. */
const plainPosix: Posix = {
  limits:
    'On this system extended attributes are neither saved nor restored, FIFOs and devices are not restored, and times are restored to the microsecond.',
  glimpse: undefined,
  lstat: (path) => fromNode(lstatSync(typeof path === 'string' ? fromRaw(path) : path, { bigint: true })),
  readAttributes: () => [],
  setAttribute: (path) => {
    throw systemError('ENOTSUP', 'setxattr', path);
  },
  removeAttribute: () => {},
  setTimes: (path, atime, mtime) => lutimesSync(path, toSeconds(atime), toSeconds(mtime)),
  setTimesOf: (descriptor, atime, mtime) => futimesSync(descriptor, toSeconds(atime), toSeconds(mtime)),
  makeNode: (path) => {
    throw systemError('ENOTSUP', 'mknod', path);
  },
};

const toSeconds = (moment: Moment): number => moment.seconds + moment.nanoseconds / 1e9;

/** Node's own stat in our terms. */
export function fromNode(stat: BigIntStats): FileStat {
  return {
    mode: Number(stat.mode),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    inode: stat.ino,
    deviceId: stat.dev,
    device: stat.rdev,
    links: Number(stat.nlink),
    size: Number(stat.size),
    mtime: toMoment(stat.mtimeNs),
    ctime: toMoment(stat.ctimeNs),
  };
}

function toMoment(nanoseconds: bigint): Moment {
  const rest = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { seconds: Number((nanoseconds - rest) / 1_000_000_000n), nanoseconds: Number(rest) };
}

function systemError(code: string, call: string, path: Buffer | RawText): Error {
  return Object.assign(
    new Error(`${code}: ${call} '${showPath(typeof path === 'string' ? fromRaw(path) : path)}'`),
    { code, syscall: call },
  );
}
