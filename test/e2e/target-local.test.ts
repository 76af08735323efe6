import { describe } from '@jest/globals';
import { describeTarget } from '../contract/target.ts';
import { localCase } from '../stacks/local-case.ts';

describe('target local', () => describeTarget(localCase));
