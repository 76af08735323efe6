import { spawn, execFile, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, closeSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** A real Docker engine of the test's own, out of the tree of the lab's machines: nothing is installed for it. */

const tools = fileURLToPath(new URL('../../.tools/', import.meta.url));
const tree = join(tools, 'lab');
const plugins = join(tools, 'docker');

/** Needs Linux, root, and what `bin/setup --for test` brings. */
export const hasDocker =
  process.getuid?.() === 0 &&
  existsSync(join(tree, 'usr/sbin/dockerd')) &&
  existsSync(join(plugins, 'cli-plugins/docker-compose'));

export interface TestEngine {
  /** PATH, DOCKER_HOST and the like, for programs that are to find it. */
  environment: Record<string, string>;
  docker(...args: string[]): Promise<string>;
  /** An image of some files, on nothing or on another image; gives its ID. */
  build(name: string, dockerfile: string, files: Record<string, string | { copy: string }>): Promise<string>;
  stop(): Promise<void>;
}

export async function startEngine(): Promise<TestEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'relocate-docker-'));
  const socket = join(folder, 'docker.sock');
  // Names of services are resolved by rules inside of the containers' own namespaces: the engine calls iptables for them.
  await mkdir(join(folder, 'bin'));
  await symlink(join(tree, 'usr/sbin/xtables-nft-multi'), join(folder, 'bin/iptables'));
  const modules = join(
    tree,
    'usr/lib',
    `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
    'xtables',
  );
  const path = `${join(folder, 'bin')}:${join(tree, 'usr/sbin')}:${join(tree, 'usr/bin')}:${process.env['PATH']}`;
  const log = openSync(join(folder, 'log'), 'w');
  // No bridge and no rules of its own: it changes nothing of the machine that it does not take away again.
  const args = [
    `--data-root=${join(folder, 'data')}`,
    `--exec-root=${join(folder, 'exec')}`,
    `--pidfile=${join(folder, 'pid')}`,
    `--host=unix://${socket}`,
    '--bridge=none',
    '--iptables=false',
    '--ip6tables=false',
    '--ip-forward=false',
    '--ip-masq=false',
    '--default-address-pool=base=10.213.0.0/16,size=24',
  ];
  const daemon = spawn('dockerd', args, {
    env: { ...process.env, PATH: path, XTABLES_LIBDIR: modules },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const environment = {
    PATH: path,
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_CONFIG: plugins,
    DOCKER_BUILDKIT: '0',
  };
  const docker = async (...words: string[]): Promise<string> => {
    const options = { env: { ...process.env, ...environment }, maxBuffer: 64 * 1024 * 1024 };
    return (await promisify(execFile)('docker', words, options)).stdout.trim();
  };
  const engine: TestEngine = {
    environment,
    docker,
    async build(name, dockerfile, files) {
      const context = await mkdtemp(join(folder, 'build-'));
      await writeFile(join(context, 'Dockerfile'), dockerfile);
      for (const [file, content] of Object.entries(files)) {
        await mkdir(join(context, file, '..'), { recursive: true });
        if (typeof content === 'string') await writeFile(join(context, file), content);
        else await cp(content.copy, join(context, file), { recursive: true, dereference: true });
      }
      const id = await docker('build', '--quiet', '--tag', name, context);
      await rm(context, { recursive: true });
      return id;
    },
    async stop() {
      // What a test that failed left running; bridges of networks would outlive the engine.
      const running = await docker('ps', '--all', '--quiet').catch(() => '');
      if (running !== '') await docker('rm', '--force', ...running.split('\n')).catch(() => '');
      await docker('network', 'prune', '--force').catch(() => '');
      await end(daemon);
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await untilItAnswers(daemon, docker);
  } catch (error) {
    const words = await readFile(join(folder, 'log'), 'utf8').catch(() => '');
    await engine.stop();
    throw new Error(`dockerd does not answer: ${words.slice(-2000)}`, { cause: error });
  }
  return engine;
}

async function untilItAnswers(daemon: ChildProcess, docker: TestEngine['docker']): Promise<void> {
  for (let count = 0; count < 150; count += 1) {
    if (daemon.exitCode !== null) throw new Error(`dockerd ended with ${daemon.exitCode}`);
    if (await docker('version').then(Boolean, () => false)) return;
    await sleep(200);
  }
  throw new Error('dockerd is not up after 30 s');
}

/** It ends its containers and its containerd by itself. */
async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const ended = once(daemon, 'exit');
  daemon.kill('SIGTERM');
  const timer = setTimeout(() => daemon.kill('SIGKILL'), 30_000);
  await ended;
  clearTimeout(timer);
}
