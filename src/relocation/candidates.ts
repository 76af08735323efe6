import type { Finding, Price } from '../../stacks/target.ts';
import { RelocateError } from '../errors.ts';
import { silent } from '../events.ts';
import { preflightFindings, prepareDeploy, refusalOf, type DeployInput } from './prepare.ts';

/** What a target says to taking an app, before anything is made. */
export interface Candidate {
  target: string;
  /** The target's, as they are deployed with: given, of the snapshot, or the defaults. */
  options: unknown;
  findings: Finding[];
  /** Why it cannot; undefined: it can, as far as it knows. */
  refusal: string | undefined;
  /** Of all that would be made there; undefined where the target does not tell, or nothing is billed. */
  price: Price | undefined;
  /** From here to the provider and back. */
  roundTripMs: number | undefined;
}

/** Asks all of them side by side; one that is out of reach holds up no other. Nothing is made. Throws as `prepareDeploy`. */
export async function askCandidates(
  inputs: readonly DeployInput[],
  signal: AbortSignal,
): Promise<Candidate[]> {
  return Promise.all(inputs.map((input) => askOne(input, signal)));
}

async function askOne(input: DeployInput, signal: AbortSignal): Promise<Candidate> {
  const { name } = input.target;
  const prepared = await prepareDeploy(input);
  try {
    const findings = await preflightFindings(prepared, { emit: silent, signal });
    return {
      target: name,
      options: prepared.options,
      findings,
      refusal: refusalOf(findings),
      price: findings.find(({ price }) => price !== undefined)?.price,
      roundTripMs: findings.find(({ roundTripMs }) => roundTripMs !== undefined)?.roundTripMs,
    };
  } catch (error) {
    signal.throwIfAborted();
    // Targets answer with findings; whatever one throws nevertheless is its own trouble.
    const refusal = error instanceof RelocateError ? error.message : String(error);
    const { options } = prepared;
    return { target: name, options, findings: [], refusal, price: undefined, roundTripMs: undefined };
  }
}
