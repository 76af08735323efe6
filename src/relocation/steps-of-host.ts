import { agentSteps } from './agent-steps.ts';
import { hostOfWork, type DeployWork } from './deploy-work.ts';
import { directSteps, type HostSteps } from './host-steps.ts';

/** How the host of this deploy is worked on, made when the first step needs it. */
export function stepsOf(work: DeployWork): HostSteps {
  work.steps ??= hostOfWork(work).transport.kind === 'local' ? directSteps(work) : agentSteps(work);
  return work.steps;
}
