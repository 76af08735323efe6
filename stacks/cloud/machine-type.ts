import { RelocateError } from '../../src/errors.ts';
import type { Architecture, Finding, Needs, Price } from '../target.ts';
import { listed, ok, refused } from './findings.ts';

/** A size of machine that a provider offers, by whatever name: server type, size, flavour, plan. */
export interface MachineType {
  name: string;
  cores: number;
  memoryBytes: number;
  /** Undefined: the system's disk is chosen apart. */
  diskBytes?: number;
  architecture: Architecture;
  /** Undefined where the provider does not tell. */
  price?: Price;
  inStock: boolean;
}

export interface Choice {
  type: MachineType | undefined;
  findings: Finding[];
}

/** What an app needs that has said nothing of it. */
export const modestNeeds: Needs = {
  memoryBytes: 1024 ** 3,
  cores: 1,
  diskBytes: 10 * 1024 ** 3,
  architectures: [],
};

/**
 * Pure: the type named, if it will do; else the cheapest that will and is in stock, or where no prices are told the
 * smallest. An app that has not said what it runs on came from a common machine: amd64.
 */
export function chooseMachineType(
  types: readonly MachineType[],
  needs: Needs = modestNeeds,
  wanted?: string,
): Choice {
  return wanted === undefined ? chooseFrom(types, needs) : judge(types, needs, wanted);
}

function chooseFrom(types: readonly MachineType[], needs: Needs): Choice {
  const fitting = types.filter((type) => fits(type, needs) && runsOn(needs).includes(type.architecture));
  const [type] = fitting
    .filter(({ inStock }) => inStock)
    .toSorted(bySize)
    .toSorted(byPrice);
  if (type !== undefined) return { type, findings: [ok('server-type', describe(type))] };
  if (fitting.length > 0) {
    const names = listed(fitting.map(({ name }) => name));
    return {
      type: undefined,
      findings: [
        refused(
          'stock',
          `None of the types that would do is in stock here: ${names}`,
          'Choose another location, or wait.',
        ),
      ],
    };
  }
  const hint = 'Name a type in the target’s options to take it nevertheless.';
  return {
    type: undefined,
    findings: [refused('server-type', `No type here has ${describeNeeds(needs)}`, hint)],
  };
}

function judge(types: readonly MachineType[], needs: Needs, wanted: string): Choice {
  const type = types.find(({ name }) => name === wanted);
  if (type === undefined) {
    const names = listed(types.map(({ name }) => name));
    return {
      type: undefined,
      findings: [refused('server-type', `There is no type ${wanted} here`, `There are: ${names}.`)],
    };
  }
  const findings: Finding[] = [];
  if (needs.architectures.length > 0 && !needs.architectures.includes(type.architecture)) {
    findings.push(
      refused(
        'architecture',
        `${wanted} is ${type.architecture}, and the app’s images run on ${needs.architectures.join(', ')} only`,
        suggestion(types, needs),
      ),
    );
  }
  if (!type.inStock) {
    findings.push(refused('stock', `${wanted} is out of stock here`, suggestion(types, needs)));
  }
  if (!fits(type, needs)) {
    findings.push({
      level: 'warning',
      code: 'server-type',
      message: `${describe(type)} is less than what the app seems to need: ${describeNeeds(needs)}`,
    });
  } else if (findings.length === 0) {
    findings.push(ok('server-type', describe(type)));
  }
  const isRefused = findings.some(({ level }) => level === 'refused');
  return { type: isRefused ? undefined : type, findings };
}

function suggestion(types: readonly MachineType[], needs: Needs): string {
  const { type } = chooseFrom(types, needs);
  return type === undefined ? 'Choose another location.' : `${type.name} would do, and is in stock.`;
}

function fits(type: MachineType, needs: Needs): boolean {
  return (
    type.memoryBytes >= needs.memoryBytes &&
    type.cores >= needs.cores &&
    (type.diskBytes ?? Infinity) >= needs.diskBytes
  );
}

const runsOn = ({ architectures }: Needs): readonly Architecture[] =>
  architectures.length === 0 ? ['amd64'] : architectures;

const bySize = (one: MachineType, other: MachineType): number =>
  one.memoryBytes - other.memoryBytes || one.cores - other.cores || one.name.localeCompare(other.name);

const byPrice = (one: MachineType, other: MachineType): number =>
  (one.price?.perMonth ?? 0) - (other.price?.perMonth ?? 0);

const gibibytes = (bytes: number): string => `${Number((bytes / 1024 ** 3).toFixed(1))} GiB`;

function describe({ name, cores, memoryBytes, architecture }: MachineType): string {
  return `${name}: ${cores} ${cores === 1 ? 'core' : 'cores'}, ${gibibytes(memoryBytes)} of memory, ${architecture}`;
}

function describeNeeds(needs: Needs): string {
  return `${needs.cores} ${needs.cores === 1 ? 'core' : 'cores'}, ${gibibytes(needs.memoryBytes)} of memory and ${gibibytes(needs.diskBytes)} of disk on ${runsOn(needs).join(' or ')}`;
}

/** As `chooseMachineType`; throws `provision-failed` where there is none. */
export function requireMachineType(types: readonly MachineType[], needs: Needs | undefined): MachineType {
  const { type, findings } = chooseMachineType(types, needs);
  if (type !== undefined) return type;
  throw new RelocateError('provision-failed', findings.map(({ message }) => message).join('; '), {
    hint: 'Nothing was made.',
  });
}
