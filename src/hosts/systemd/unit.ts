import { RelocateError } from '../../errors.ts';

/** A service as systemd runs it: started again when it ends and after a reboot, under a user of its own. */
export interface UnitSpec {
  /** Whole deployments are told apart by it; letters, digits, dashes. */
  deployment: string;
  /** Unique in the deployment: letters, digits, dots, dashes, underscores. */
  name: string;
  /** For `systemctl status`. */
  description: string;
  user: string;
  /** Program and arguments; no shell. */
  command: readonly string[];
  cwd: string;
  /** Where it may write; everything else is read-only to it. */
  writable: readonly string[];
  /** All that it gets beside PATH and the like. Holds secrets: it goes into a file that root alone reads. */
  environment: Readonly<Record<string, string>>;
  /** Capabilities beyond none, such as `CAP_NET_BIND_SERVICE`. */
  capabilities?: readonly string[];
}

/** Everything relocate has of a deployment in systemd begins like this. */
export const unitPrefix = (deployment: string): string => `relocate-${deployment}-`;
export const unitName = ({ deployment, name }: Pick<UnitSpec, 'deployment' | 'name'>): string =>
  `${unitPrefix(deployment)}${name}.service`;

export const unitFolder = '/etc/systemd/system';
export const environmentFolder = (deployment: string): string => `/etc/relocate/${deployment}`;
export const environmentPath = ({ deployment, name }: Pick<UnitSpec, 'deployment' | 'name'>): string =>
  `${environmentFolder(deployment)}/${name}.env`;

/** Between the stop signal and SIGKILL. */
const stopSeconds = 10;
/** One that cannot work ends at once, and again; systemd gives it up after so many starts in that time. */
const startLimit = { burst: 10, intervalSeconds: 60 };

/** Pure: the unit's file (systemd.service(5), systemd.exec(5)). It holds no secret. Throws `internal` for what no unit can say. */
export function unitText(spec: UnitSpec): string {
  const isBelow = (root: string) => [spec.cwd, ...spec.writable].some((path) => path.startsWith(`${root}/`));
  const capabilities = (spec.capabilities ?? []).join(' ');
  return `[Unit]
Description=${oneLine(spec.description)}
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=${startLimit.intervalSeconds}
StartLimitBurst=${startLimit.burst}

[Service]
Type=exec
User=${oneLine(spec.user)}
WorkingDirectory=${pathWord(spec.cwd)}
EnvironmentFile=${environmentPath(spec)}
ExecStart=${spec.command.map(commandWord).join(' ')}
Restart=always
RestartSec=1
TimeoutStopSec=${stopSeconds}
UMask=0027
# What it may do: its own work in its own folders.
NoNewPrivileges=yes
CapabilityBoundingSet=${capabilities}
AmbientCapabilities=${capabilities}
ProtectSystem=strict
${spec.writable.map((path) => `ReadWritePaths=${pathWord(path)}`).join('\n')}
ProtectHome=${isBelow('/home') || isBelow('/root') ? 'no' : 'yes'}
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`;
}

/** Pure: the file that gives a unit its environment. Throws `internal` for names and values that none can have. */
export function environmentText(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .map(([name, value]) => {
      // Never with its value: it may be a secret.
      if (!/^[A-Za-z_]\w*$/.test(name) || value.includes('\0')) throw unsayable(`the variable ${name}`);
      return `${name}="${value.replaceAll(/[\\"`$]/g, String.raw`\$&`)}"\n`;
    })
    .join('');
}

/** A word of a command line: quoted, and without a meaning of its own for systemd. */
function commandWord(word: string): string {
  if (word.includes('\0')) throw unsayable('the command');
  const escaped = word
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('%', '%%')
    .replaceAll('$', '$$$$');
  return `"${escaped}"`;
}

/** Paths are not split at blanks where there is one only, but begin with no quote and hold no line break. */
function pathWord(path: string): string {
  return oneLine(path)
    .replaceAll('%', '%%')
    .replaceAll(' ', String.raw`\x20`);
}

function oneLine(text: string): string {
  if (/[\n\r\0]/.test(text)) throw unsayable(JSON.stringify(text));
  return text;
}

function unsayable(what: string): RelocateError {
  return new RelocateError('internal', `systemd cannot be told of ${what}.`);
}
