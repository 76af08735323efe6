import { describe } from '@jest/globals';
import { describeTarget } from '../contract/target.ts';
import { hetznerCase } from '../stacks/hetzner-case.ts';

describe('target hetzner', () => describeTarget(hetznerCase));
