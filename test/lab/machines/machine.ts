import { spawn, type ChildProcess } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { attempt, run } from './command.ts';
import { deviceNumber, makeRoot, removeRoot } from './disk.ts';
import type { MachineSpec } from './machines.ts';
import { makeCable, namespacePath, removeNamespace, writeResolver } from './network.ts';
import { controlGroupRoots, killControlGroup, machineName } from './place.ts';

/** One real machine: a tree that systemd boots in, in namespaces of its own. */
export class Machine {
  private readonly name: string;
  private readonly folder: string;
  private readonly device: string;
  private nspawn: ChildProcess | undefined;
  private ended: Promise<void> = Promise.resolve();
  /** Devices that it has, or is to have when it is switched on: by the name they bear in it. */
  private readonly plugged = new Map<string, string>();

  private constructor(name: string, folder: string, device: string) {
    this.name = name;
    this.folder = folder;
    this.device = device;
  }

  static async create(lab: number, parent: string, tree: string, spec: MachineSpec): Promise<Machine> {
    const name = machineName(lab, spec.id);
    const folder = join(parent, name);
    await mkdir(folder);
    const device = await makeRoot(folder, tree, spec.diskBytes);
    await makeCable(lab, spec.id);
    const root = join(folder, 'root');
    await writeFile(join(root, 'etc/lab-serial'), `${spec.id}\n`);
    await writeFile(join(root, 'etc/hostname'), `${spec.name}\n`);
    // Else cloud-init would write this when it is told to, and start sshd anew just after it has answered.
    await writeFile(join(root, 'etc/ssh/sshd_config.d/50-cloud-init.conf'), 'PasswordAuthentication no\n');
    await writeResolver(root, lab);
    return new Machine(name, folder, device);
  }

  get isRunning(): boolean {
    return this.nspawn !== undefined;
  }

  /** Switches it on. What lies in its disk stays from one time to the next. */
  async start(): Promise<void> {
    if (this.isRunning) return;
    const groups = (await controlGroupRoots()).map((root) => join(root, this.name));
    // In control groups of its own: machines started from the same one would get into each other's way.
    const enter = groups.map((group) => `mkdir -p ${group} && echo $$ >${group}/cgroup.procs`).join(' && ');
    const console = openSync(join(this.folder, 'console.log'), 'a', 0o600);
    const script = `${enter} && exec "$@"`;
    const nspawn = spawn('sh', ['-c', script, 'sh', ...this.bootCommand()], {
      stdio: ['ignore', console, console],
      env: {
        PATH: process.env['PATH'],
        SYSTEMD_NSPAWN_API_VFS_WRITABLE: 'network',
        SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1',
      },
    });
    closeSync(console);
    this.nspawn = nspawn;
    this.ended = new Promise((resolve) => {
      const end = () => {
        if (this.nspawn === nspawn) this.nspawn = undefined;
        resolve();
      };
      nspawn.once('error', end).once('close', end);
    });
    for (const [as, device] of this.plugged) await this.makeNode(as, device);
  }

  private bootCommand(): string[] {
    return [
      // Shuts down when the process that the lab lives in dies, however that dies.
      'setpriv',
      '--pdeathsig',
      'TERM',
      'systemd-nspawn',
      '--quiet',
      '--boot',
      '--register=no',
      '--keep-unit',
      '-M',
      this.name,
      '-D',
      join(this.folder, 'root'),
      `--network-namespace-path=${namespacePath(this.name)}`,
      '--capability=all',
      '--system-call-filter=@keyring bpf',
      '--console=read-only',
      '--resolv-conf=off',
      '--timezone=off',
      '--link-journal=no',
      '--kill-signal=SIGRTMIN+3',
      `--bind=${join(this.folder, 'disk/docker')}:/var/lib/docker`,
      '--setenv=SYSTEMD_LOG_LEVEL=warning',
    ];
  }

  async stop(how: 'shutdown' | 'off'): Promise<void> {
    if (this.nspawn === undefined) return;
    if (how === 'shutdown') {
      this.nspawn.kill('SIGTERM');
      const patience = new Promise<void>((resolve) => setTimeout(resolve, 30_000).unref());
      await Promise.race([this.ended, patience]);
    }
    // Not nspawn alone: what it started outlives it.
    await killControlGroup(this.name);
    await this.ended;
  }

  /** Plugs a block device in under a name below /dev, at once where it runs. */
  async plug(as: string, device: string): Promise<void> {
    this.plugged.set(as, device);
    if (this.isRunning) await this.makeNode(as, device);
  }

  async unplug(as: string): Promise<void> {
    this.plugged.delete(as);
    if (this.isRunning) await attempt('nsenter', ...(await this.enter()), 'rm', '-f', `/dev/${as}`);
  }

  private async makeNode(as: string, device: string): Promise<void> {
    const [major, minor] = await deviceNumber(device);
    const script = 'mkdir -p "$(dirname "$1")" && rm -f "$1" && mknod -m 660 "$1" b "$2" "$3"';
    await run('nsenter', ...(await this.enter()), 'sh', '-c', script, 'sh', `/dev/${as}`, major, minor);
  }

  inside(command: readonly string[]): Promise<string> {
    return this.enter().then((arguments_) => run('nsenter', ...arguments_, ...command));
  }

  async console(): Promise<string> {
    return readFile(join(this.folder, 'console.log'), 'utf8').catch(() => '');
  }

  /** How to get into its namespaces, once its first process is there. */
  private async enter(): Promise<string[]> {
    const deadline = Date.now() + 10_000;
    while (this.nspawn?.pid !== undefined && Date.now() < deadline) {
      const init = await firstChild(this.nspawn.pid);
      if (init !== undefined) return ['--target', init, '--mount', '--uts', '--ipc', '--net', '--pid'];
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`machine ${this.name} is not running`);
  }

  async remove(): Promise<void> {
    await this.stop('off');
    await removeRoot(this.folder, this.device);
    await removeNamespace(this.name);
    await run('rm', '-rf', '--one-file-system', this.folder);
  }
}

/** Its child is the machine's process 1 as soon as that has become systemd. */
async function firstChild(pid: number): Promise<string | undefined> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  for (const child of children.split(' ').filter(Boolean)) {
    const name = await readFile(`/proc/${child}/comm`, 'utf8').catch(() => '');
    if (name.trim() === 'systemd') return child;
  }
  return undefined;
}
