import { readFileSync } from 'node:fs';
import { openZone } from '../../src/dns/index.ts';
import type { DnsZone } from '../../src/dns/zone.ts';
import { rollback } from '../../src/relocation/cutover-return.ts';
import { cutover, type CutoverInput } from '../../src/relocation/cutover.ts';

/**
 * Runs one command on an app's names in a process of its own, and kills itself, as `kill -9` does, at the moment that it
 * is told: before or after anything is asked of the zone, at any event. Prints how many moments there were.
 */
interface Task {
  action: 'cutover' | 'rollback';
  killAt: number;
  input: Omit<CutoverInput, 'openZone' | 'checkDeployment' | 'confirm'>;
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the test that starts this writes it
const { action, killAt, input: given } = JSON.parse(readFileSync(0, 'utf8')) as Task;
let moments = 0;
function moment(): void {
  moments += 1;
  if (moments === killAt) process.kill(process.pid, 'SIGKILL');
}

function watched(zone: DnsZone): DnsZone {
  const around = async <T>(work: () => Promise<T>): Promise<T> => {
    moment();
    const result = await work();
    moment();
    return result;
  };
  return {
    ...zone,
    list: (names) => around(() => zone.list(names)),
    replace: (change) => around(() => zone.replace(change)),
  };
}

const input: CutoverInput = {
  ...given,
  openZone: async (dns, say, signal) => watched(await openZone(dns, { environment: {}, signal, say })),
  checkDeployment: () =>
    Promise.resolve([{ title: 'its own', outcome: 'passed', detail: '', durationMs: 1 }]),
  confirm: () => Promise.resolve(true),
};
const tools = { emit: moment, signal: new AbortController().signal };
const report = action === 'cutover' ? await cutover(input, tools) : await rollback(input, tools);
process.stdout.write(`${JSON.stringify({ outcome: report.outcome, moments })}\n`);
