const durationUnitsMs: Readonly<Record<string, number>> = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
};

/** Largest unit first, each at most once, as Go and Compose write durations, with days added. */
export const durationPattern = /^(?=\d)(\d+(\.\d+)?d)?(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s)?(\d+ms)?$/;

/** `90s`, `15m`, `1h30m`, `2d` in milliseconds; undefined for what is no duration. */
export function parseDurationMs(text: string): number | undefined {
  if (!durationPattern.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[dhms])/g)) {
    totalMs += Number(amount) * (durationUnitsMs[unit ?? ''] ?? 0);
  }
  return Math.round(totalMs);
}

const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

export const sizePattern = /^\d+(\.\d+)? ?(B|[kKMGT]B|[KMGT]iB)$/;

/** `10MiB` (powers of 1024), `1GB` (powers of 1000) in bytes; undefined for what is no size. */
export function parseSizeBytes(text: string): number | undefined {
  if (!sizePattern.test(text)) return undefined;
  const unit = text.replace(/^[\d. ]+/, '');
  return Math.round(Number.parseFloat(text) * (sizeUnits[unit] ?? 0));
}
