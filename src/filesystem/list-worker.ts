import { serve } from '../repository/threads.ts';
import type { FoldersAhead } from './folder-lister.ts';
import { seeFolders } from './list-folder.ts';
import { loadPosix } from './posix.ts';

/** The program of the thread that looks at folders before the walk comes to them. */
const { glimpse } = await loadPosix();

serve((task) => {
  // oxlint-disable-next-line no-unsafe-type-assertion -- folder-lister.ts, which starts this program, asks for just this.
  const { paths, enough } = task as FoldersAhead;
  return glimpse && seeFolders(paths, glimpse, enough);
});
