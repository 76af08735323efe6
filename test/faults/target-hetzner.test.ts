import { describe } from '@jest/globals';
import { describeKilledTarget, describeLostState } from '../contract/target.ts';
import { hetznerCase } from '../stacks/hetzner-case.ts';

describe('target hetzner', () => {
  describeKilledTarget(hetznerCase);
  describeLostState(hetznerCase);
});
