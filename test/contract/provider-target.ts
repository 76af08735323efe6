import { afterEach, describe, expect, test } from '@jest/globals';
import { useEnvironment } from '../stacks/support/environment.ts';
import { runMocked, type Made } from '../stacks/support/mocked-stack.ts';
import { privateHostKey, requestFor } from '../stacks/support/request.ts';
import { serveJson, type Asked, type JsonApi, type Routes } from '../support/servers/json-api.ts';
import type { HostOutput } from '../../src/hosts/host.ts';
import type { DeployRequest, Finding, Target } from '../../stacks/target.ts';

/** What a provider's own test tells the suite that all providers' targets share. */
export interface ProviderCase {
  target: Target;
  options: unknown;
  /** Of the options' schema, ones that must be refused. */
  wrongOptions: unknown[];
  /** The provider's API, with credentials that are right, all in stock, and nothing made yet. */
  routes: Routes;
  /** How the target is told where the API is and who asks. */
  environment: (url: string) => Record<string, string>;
  /** The variables of `environment` that hold credentials. */
  credentials: string[];
  /** Routes on which the deployment `blue` is there already, and for each what is to be taken over: resource → ID. */
  existing: { routes: Routes; takenOver: Record<string, string> };
  /** Asking that is allowed though it is no GET: probes that change nothing. */
  probes?: (asked: Asked) => boolean;
  /** What the mocked provider knows of a resource that its maker doesn't: addresses, numbers. */
  outputs: (made: { type: string; name: string }) => Record<string, unknown>;
  /** Numbers as IDs, as some providers have them. */
  idOf?: (name: string) => string;
  /** What the machine is told by cloud-init, found among what was made. */
  userData: (made: readonly Made[]) => string;
  /** Where a resource keeps its labels; undefined for those that cannot have any. */
  labelsOf: (made: Made) => unknown;
  /** How many things there are at least that have labels; 2 where nothing is said. */
  labelled?: number;
  /** Does the price come from the provider's API? */
  tellsPrice: boolean;
}

/**
 * The promises of a target at a provider, with the provider's official Pulumi package, Pulumi's own mocks in place of the
 * engine, and a stand-in for the provider's API: no machine is made.
 */
export function describeProvider(provider: ProviderCase): void {
  const { target, wrongOptions, credentials } = provider;
  const options = target.options.parse(provider.options);
  const environment = useEnvironment();
  let api: JsonApi | undefined;
  afterEach(async () => {
    await api?.close();
    api = undefined;
  });

  async function serve(more: Routes = {}): Promise<JsonApi> {
    await api?.close();
    api = await serveJson({ ...provider.routes, ...more });
    environment.set(provider.environment(api.url));
    return api;
  }

  async function bringUp(request: DeployRequest, more: Routes = {}) {
    await serve(more);
    const run = await target.program(options, request);
    return runMocked(run, { outputs: provider.outputs, idOf: provider.idOf });
  }

  describe('options', () => {
    test.each(wrongOptions.map((given) => [given]))('%j are refused', (given) => {
      expect(target.options.safeParse(given).success).toBe(false);
    });

    test('give deployments a folder each on the machine’s volume', () => {
      expect(target.folderFor?.(options, 'blue')).toBe('/srv/relocate/blue');
    });
  });

  describe('preflight', () => {
    const preflight = () => target.preflight(options, requestFor('blue'));
    const refusedOf = (findings: Finding[]) => findings.filter(({ level }) => level === 'refused');

    test('finds nothing to object to, and changes nothing', async () => {
      const { asked } = await serve();
      const findings = await preflight();
      expect(refusedOf(findings)).toEqual([]);
      const codes = findings.map(({ code }) => code);
      expect(codes).toEqual(
        expect.arrayContaining(['credentials', 'location', 'server-type', 'volume', 'price', 'ssh-from']),
      );
      const changing = asked.filter(({ method }) => method !== 'GET' && method !== 'HEAD');
      expect(changing.filter((one) => provider.probes?.(one) !== true)).toEqual([]);
    });

    test('tells a price, or that there is none to be had', async () => {
      await serve();
      const found = (await preflight()).find(({ code }) => code === 'price');
      if (provider.tellsPrice) {
        expect(found?.price?.perMonth).toBeGreaterThan(0);
        expect(found?.price?.perHour).toBeGreaterThan(0);
        expect(found?.price?.currency).toMatch(/^[A-Z]{3}$/);
      } else {
        expect(found).toMatchObject({ level: 'ok', hint: expect.stringContaining('https://') });
        expect(found?.price).toBeUndefined();
      }
    });

    test('says which credentials are missing, and asks nobody', async () => {
      const { asked } = await serve();
      environment.clear(credentials);
      const findings = await preflight();
      expect(refusedOf(findings)).toMatchObject([{ code: 'credentials' }]);
      expect(credentials.some((name) => findings.at(-1)?.message.includes(name))).toBe(true);
      expect(asked).toEqual([]);
    });

    test('says so when the provider does not answer', async () => {
      const gone = await serve();
      await gone.close();
      expect(refusedOf(await preflight())).toMatchObject([{ message: expect.stringContaining('reached') }]);
    });

    test('refuses a snapshot that no volume can hold', async () => {
      await serve();
      const findings = await target.preflight(options, requestFor('blue', { sizeBytes: 1e15 }));
      expect(refusedOf(findings)).toMatchObject([{ code: 'volume' }]);
    });
  });

  describe('the stack', () => {
    test('ends in a host that is reached by SSH with a key known beforehand', async () => {
      const request = requestFor('blue');
      const { outputs } = await bringUp(request);
      const [host] = outputs['hosts'] as HostOutput[];
      expect(host).toMatchObject({
        transport: { kind: 'ssh', user: 'root', port: 22, hostKey: request.access?.hostKey.publicKey },
        folder: '/srv/relocate/blue',
        address: expect.stringMatching(/^[\d.]+$/),
      });
      expect(Object.keys(host!.ports).toSorted()).toEqual(['db', 'web', 'worker']);
      expect(new Set(Object.values(host!.ports)).size).toBe(3);
    });

    test('gives the machine its keys and its volume, and keeps the private one secret', async () => {
      const request = requestFor('blue');
      const { made, secretTexts, plainTexts } = await bringUp(request);
      const data = provider.userData(made);
      expect(data).toContain('#cloud-config');
      expect(data).toContain(request.access?.authorizedKeys[0]);
      expect(data).toContain('/dev/');
      const key = JSON.stringify(privateHostKey).slice(1, 40);
      const base64 = Buffer.from(data).toString('base64').slice(0, 200);
      const holdsKey = (text: string) => text.includes(key) || text.includes(base64);
      expect(secretTexts.filter(holdsKey)).not.toEqual([]);
      expect(plainTexts.filter(holdsKey)).toEqual([]);
    });

    test('labels all that can be labelled with the app and the deployment', async () => {
      const { made } = await bringUp(requestFor('blue'));
      const labelled = made.flatMap((one) => {
        const labels = provider.labelsOf(one);
        return labels === undefined ? [] : [JSON.stringify(labels)];
      });
      expect(labelled.length).toBeGreaterThanOrEqual(provider.labelled ?? 2);
      for (const labels of labelled) {
        expect(labels).toContain('guestbook');
        expect(labels).toContain('blue');
      }
    });

    test('comes out the same when it is run again', async () => {
      const first = await bringUp(requestFor('blue'));
      const second = await bringUp(requestFor('blue'));
      const inputsOf = ({ made }: { made: readonly Made[] }) =>
        made.map(({ name, inputs }) => [name, inputs]);
      expect(inputsOf(second)).toEqual(inputsOf(first));
    });

    test('takes over what a killed run had made, and makes none of it twice', async () => {
      const { made } = await bringUp(requestFor('blue'), provider.existing.routes);
      const imported = made.flatMap(({ name, importId }) =>
        importId === undefined ? [] : [[name, importId]],
      );
      expect(Object.fromEntries(imported)).toEqual(provider.existing.takenOver);
    });

    test('is not made without keys to reach it by', async () => {
      await expect(bringUp(requestFor('blue', { access: undefined }))).rejects.toMatchObject({
        code: 'internal',
      });
    });
  });

  describe('what is left at the provider', () => {
    test('is found by its labels', async () => {
      await serve(provider.existing.routes);
      const found = await target.inventory!(options, { deployment: 'blue' });
      expect(found.length).toBeGreaterThan(0);
      for (const { app, deployment } of found)
        expect([deployment, ['guestbook', ''].includes(app)]).toEqual(['blue', true]);
      // Of what has a name alone, the deployment must be known.
      expect(found).toEqual(expect.arrayContaining(await target.inventory!(options, { app: 'guestbook' })));
      expect(await target.inventory!(options, { app: 'another' })).toEqual([]);
    });

    test('is nothing where nothing is', async () => {
      const { asked } = await serve();
      await target.sweep(options, requestFor('blue'));
      expect(asked.filter(({ method }) => method === 'DELETE')).toEqual([]);
    });
  });
}
