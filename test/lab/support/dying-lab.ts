import { startLab } from '../index.ts';
import { make } from './call.ts';

/** A lab with a machine and a volume that says its number and never closes. For the test that kills it. */
const lab = await startLab();
const { volume } = await make(lab, 'POST', '/volumes', { name: 'data', size: 10, location: 'fsn1' });
const request = {
  name: 'web',
  server_type: 'cx22',
  image: 'debian-12',
  location: 'fsn1',
  volumes: [volume.id],
};
await make(lab, 'POST', '/servers', request);
process.stdout.write(`${lab.operatorAddress.split('.')[2]}\n`);
setInterval(() => undefined, 1_000);
