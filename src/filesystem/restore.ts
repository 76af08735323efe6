/** What the stages take out of a snapshot with. */
export { restoreTree, type RestoreOptions } from './restore-tree.ts';
export { savedTree } from './saved-tree.ts';
export { findNode } from './trees.ts';
