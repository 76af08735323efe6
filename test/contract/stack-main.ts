import { text } from 'node:stream/consumers';
import { destroyStack, provision } from '../../src/relocation/pulumi.ts';
import { targetOf } from '../../stacks/index.ts';
import type { DeployRequest } from '../../stacks/target.ts';

/** Provisions or destroys one stack, a line for each step: a process that tests can kill. */
interface Orders {
  action: 'provision' | 'destroy';
  target: string;
  options: unknown;
  request: DeployRequest;
  stateFolder: string;
  passphrase: string;
}

const orders = JSON.parse(await text(process.stdin)) as Orders;
const target = targetOf(orders.target);
console.log('begun');
const run = orders.action === 'provision' ? provision : destroyStack;
await run({
  ...orders,
  target,
  options: target.options.parse(orders.options),
  signal: new AbortController().signal,
  emit: (event) => console.log(event.type === 'detail' ? event.message : event.type),
});
