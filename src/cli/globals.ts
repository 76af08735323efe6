import { Option, type Command } from 'commander';
import type { Compression } from '../repository/compression.ts';
import { countOption, rateOption } from './options.ts';

const compressionModes = { auto: true, max: true, off: true } satisfies Record<Compression, true>;

/** Options that every command takes. */
export interface Globals {
  config?: string;
  repo?: string;
  passwordFile?: string;
  passwordCommand?: string;
  state?: string;
  /** Bytes a second. */
  limitUpload?: number;
  limitDownload?: number;
  compression?: Compression;
  readConcurrency?: number;
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
  color: boolean;
}

export function addGlobals(program: Command): Command {
  return program
    .option('--config <file>', 'the app’s description (default: relocate.yaml in this folder)')
    .option(
      '-r, --repo <url>',
      'repository, e.g. file:/srv/backups (or RELOCATE_REPOSITORY, RESTIC_REPOSITORY)',
    )
    .option(
      '--password-file <file>',
      'file that holds the password (or RELOCATE_PASSWORD_FILE, RESTIC_PASSWORD_FILE)',
    )
    .option(
      '--password-command <command>',
      'command that prints it (or RELOCATE_PASSWORD_COMMAND, RESTIC_PASSWORD_COMMAND)',
    )
    .option('--state <dir>', 'where deployments are kept (default: .relocate beside relocate.yaml)')
    .option('--limit-upload <rate>', 'KiB a second to storages, or e.g. 10M', rateOption)
    .option('--limit-download <rate>', 'KiB a second from storages, or e.g. 10M', rateOption)
    .addOption(
      new Option('--compression <mode>', 'of what is stored: auto, max, off (or RESTIC_COMPRESSION)')
        .choices(Object.keys(compressionModes))
        .env('RESTIC_COMPRESSION'),
    )
    .option(
      '--read-concurrency <n>',
      'files read at the same time (default: what suits this machine’s cores)',
      countOption,
    )
    .option('--json', 'JSON lines on stdout: events, then one result')
    .option('-q, --quiet', 'say nothing but errors')
    .option('-v, --verbose', 'say more')
    .option('--no-color', 'no colours (also: NO_COLOR)');
}
