import { describe } from '@jest/globals';
import { describeKilledTarget, describeLostState } from '../contract/target.ts';
import { localCase } from '../stacks/local-case.ts';

describe('target local', () => {
  describeKilledTarget(localCase);
  describeLostState(localCase);
});
