import { Client, credentials, Server, ServerCredentials, type handleUnaryCall } from '@grpc/grpc-js';
import provider from '@pulumi/pulumi/proto/provider_grpc_pb.js';
import messages from '@pulumi/pulumi/proto/provider_pb.js';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { tokenOfBridge } from './tokens.ts';

/**
 * Stands where the official pulumi-resource-aws would, which cannot be had everywhere: takes what @pulumi/aws asks for and
 * hands it, under the names that Pulumi's own bridge gives them, to HashiCorp's provider of AWS. Nothing of AWS is
 * imitated here. The official plugin is the same provider behind the same bridge, with nicer names.
 */
const bridge = process.env['RELOCATE_TEST_BRIDGE'];
const terraformProvider = process.env['RELOCATE_TEST_AWS_PROVIDER'];
if (bridge === undefined || terraformProvider === undefined)
  throw new Error('the test says where the bridge is');

const child = spawn(bridge, process.argv.slice(2), { stdio: ['ignore', 'pipe', 'inherit'] });
/** An engine that was killed leaves its plugins behind. */
const enginePid = process.ppid;
const watch = setInterval(() => {
  if (process.ppid !== enginePid) end();
}, 500);
child.once('exit', () => end());
process.once('SIGTERM', () => end());

function end(): void {
  clearInterval(watch);
  child.kill('SIGKILL');
  process.exitCode = 0;
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100);
}

const [port] = await new Promise<string[]>((resolve, reject) => {
  createInterface({ input: child.stdout }).once('line', (line) => resolve([line]));
  child.once('error', reject);
});
const largest = 400 * 1024 * 1024;
const limits = { 'grpc.max_receive_message_length': largest, 'grpc.max_send_message_length': largest };
const upstream = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), limits);

interface Method {
  path: string;
  requestSerialize: (value: unknown) => Buffer;
  requestDeserialize: (bytes: Buffer) => unknown;
  responseSerialize: (value: unknown) => Buffer;
  responseDeserialize: (bytes: Buffer) => unknown;
}
const service = provider.ResourceProviderService as unknown as Record<string, Method>;

function ask(method: Method, request: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    upstream.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      (error, answer) => (error === null ? resolve(answer) : reject(error)),
    );
  });
}

/** The bridge serves any provider of Terraform's: it is told which, by a file whose name becomes the package's. */
let parameterized: Promise<unknown> | undefined;
function parameterize(): Promise<unknown> {
  const args = new messages.ParameterizeRequest.ParametersArgs();
  args.setArgsList([terraformProvider!]);
  const request = new messages.ParameterizeRequest();
  request.setArgs(args);
  return (parameterized ??= ask(service['parameterize']!, request));
}

interface Named {
  getUrn?: () => string;
  setUrn?: (urn: string) => void;
  getType?: () => string;
  setType?: (type: string) => void;
}

/** urn:pulumi:STACK::PROJECT::TYPE::NAME */
function translate(request: Named): void {
  const urn = request.getUrn?.();
  if (urn !== undefined && urn !== '') {
    const parts = urn.split('::');
    parts[2] = (parts[2] ?? '').split('$').map(tokenOfBridge).join('$');
    request.setUrn?.(parts.join('::'));
  }
  const type = request.getType?.();
  if (type !== undefined && type !== '') request.setType?.(tokenOfBridge(type));
}

/** What the bridge must hear before it knows which provider it is. */
const atStart = new Set(['handshake', 'attach', 'parameterize', 'getPluginInfo']);

const implementation: Record<string, handleUnaryCall<unknown, unknown>> = {};
for (const [name, method] of Object.entries(service)) {
  implementation[name] = (call, callback) => {
    const answer = async () => {
      try {
        if (!atStart.has(name)) await parameterize();
        translate(call.request as Named);
        callback(null, await ask(method, call.request));
      } catch (error) {
        callback(error as Error);
      }
    };
    void answer();
  };
}

const server = new Server(limits);
server.addService(service as never, implementation);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
  if (error !== null) throw error;
  console.log(String(bound));
});
