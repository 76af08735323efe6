// Uploaded pictures, in a folder, named by what they hold: the same picture twice is one file.
import { createHash, randomUUID } from 'node:crypto';
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

const types = { png: 'image/png', jpg: 'image/jpeg', gif: 'image/gif', webp: 'image/webp' };
const namePattern = /^[0-9a-f]{64}\.(png|jpg|gif|webp)$/;

export async function openPictures(folder) {
  await mkdir(folder, { recursive: true });
  return {
    /** The picture's name, or undefined for what is no picture. */
    async add(content) {
      const extension = extensionOf(content);
      if (extension === undefined) return undefined;
      const name = `${createHash('sha256').update(content).digest('hex')}.${extension}`;
      // Moved into place whole, so that nobody ever sees half a picture.
      const part = path.join(folder, `.${randomUUID()}`);
      await writeFile(part, content);
      await rename(part, path.join(folder, name));
      return name;
    },
    async has(name) {
      if (!namePattern.test(name)) return false;
      return access(path.join(folder, name)).then(
        () => true,
        () => false,
      );
    },
    async read(name) {
      const extension = namePattern.exec(name)?.[1];
      if (extension === undefined) return undefined;
      const content = await readFile(path.join(folder, name)).catch(() => undefined);
      return content && { content, type: types[extension] };
    },
  };
}

/** By the first bytes; what the sender says of its type does not count. */
function extensionOf(content) {
  const start = content.subarray(0, 12).toString('latin1');
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (start.startsWith('\xff\xd8\xff')) return 'jpg';
  if (start.startsWith('GIF8')) return 'gif';
  if (start.startsWith('RIFF') && start.endsWith('WEBP')) return 'webp';
  return undefined;
}
