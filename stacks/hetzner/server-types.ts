import type { MachineType } from '../cloud/machine-type.ts';
import { priceOf } from '../cloud/findings.ts';
import type { ServerType } from './api.ts';

/** Pure: what is offered at a location. Prices are with VAT, as Hetzner bills them. */
export function machineTypesAt(
  types: readonly ServerType[],
  location: string,
  currency: string,
): MachineType[] {
  return types.flatMap((type): MachineType[] => {
    const price = type.prices.find((one) => one.location === location);
    const place = type.locations?.find(({ name }) => name === location);
    if (price === undefined || (type.locations !== undefined && place === undefined)) return [];
    const ends = place?.deprecation?.unavailable_after;
    const isOver = (ends !== undefined && Date.parse(ends) <= Date.now()) || type.deprecated === true;
    return [
      {
        name: type.name,
        cores: type.cores,
        memoryBytes: type.memory * 1024 ** 3,
        diskBytes: type.disk * 1024 ** 3,
        architecture: type.architecture === 'arm' ? 'arm64' : 'amd64',
        price: {
          ...priceOf(currency, { perHour: Number(price.price_hourly.gross) }),
          // Capped by the month: less than 730 times the hour.
          perMonth: Number(price.price_monthly.gross),
        },
        inStock: !isOver && (place?.available ?? true),
      },
    ];
  });
}
