import {
  ChangeResourceRecordSetsCommand,
  CreateHostedZoneCommand,
  Route53Client,
} from '@aws-sdk/client-route-53';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openRoute53 } from '../../src/dns/route53.ts';
import { describeDnsZone } from '../contract/dns.ts';
import { findProgram, type RunningServer, startServer } from '../support/servers/server.ts';

const moto = findProgram('moto_server');
const withMoto = moto === undefined ? describe.skip : describe;
const zone = 'example.com';

/** AWS's own library looks for what it needs in the environment of the process. */
const variables = ['AWS_ENDPOINT_URL_ROUTE_53', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_REGION'];

async function startMoto(): Promise<RunningServer & { environment: Record<string, string> }> {
  const server = await startServer(moto ?? '', (port) => ['-H', '127.0.0.1', '-p', String(port)]);
  const environment = {
    AWS_ENDPOINT_URL_ROUTE_53: `http://127.0.0.1:${server.port}`,
    AWS_ACCESS_KEY_ID: 'moto',
    AWS_SECRET_ACCESS_KEY: 'moto moto',
    AWS_REGION: 'eu-central-1',
  };
  Object.assign(process.env, environment);
  return { ...server, environment };
}

async function createZone(name: string): Promise<string> {
  const { HostedZone } = await new Route53Client({}).send(
    new CreateHostedZoneCommand({ Name: name, CallerReference: `${name} ${Date.now()}` }),
  );
  return (HostedZone?.Id ?? '').replace('/hostedzone/', '');
}

withMoto('Route 53, played by moto (needs moto_server: bin/setup --for test brings it)', () => {
  const before = variables.map((name) => [name, process.env[name]] as const);
  afterAll(() => {
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  });

  describeDnsZone('as every provider', {
    zone,
    noCredentials: 'moto takes all',
    start: async () => {
      const server = await startMoto();
      await createZone(zone);
      return {
        open: (name, context) => openRoute53(name, {}, context),
        environment: server.environment,
        wrongEnvironment: {},
        stop: () => server.stop(),
      };
    },
  });

  describe('in particular', () => {
    let server: RunningServer;
    let zoneId: string;
    beforeAll(async () => {
      server = await startMoto();
      zoneId = await createZone(zone);
    });
    afterAll(() => server.stop());
    const context = { environment: {}, signal: new AbortController().signal, say: () => {} };
    const change = (Action: 'CREATE' | 'UPSERT', set: object) =>
      new Route53Client({}).send(
        new ChangeResourceRecordSetsCommand({
          HostedZoneId: zoneId,
          ChangeBatch: {
            Changes: [{ Action, ResourceRecordSet: { Name: `alias.${zone}`, Type: 'A', ...set } }],
          },
        }),
      );

    test('an alias is put back as it was', async () => {
      const AliasTarget = {
        HostedZoneId: 'Z2FDTNDATAQYW2',
        DNSName: 'd111111abcdef8.cloudfront.net.',
        EvaluateTargetHealth: false,
      };
      await change('CREATE', { AliasTarget });
      const dns = await openRoute53(zone, {}, context);
      const name = `alias.${zone}`;
      const before = await dns.list([name]);
      expect(before).toMatchObject([{ hidden: true, values: [] }]);
      await dns.replace({
        name,
        before,
        after: [{ name, type: 'A', ttlSeconds: 60, values: ['198.51.100.7'] }],
      });
      expect(await dns.list([name])).toMatchObject([{ values: ['198.51.100.7'], ttlSeconds: 60 }]);
      await dns.replace({ name, before: await dns.list([name]), after: before });
      expect(await dns.list([name])).toEqual(before);
    });

    test('a name with a routing policy is left alone', async () => {
      await change('UPSERT', {
        Name: `routed.${zone}`,
        SetIdentifier: 'one',
        Weight: 10,
        TTL: 60,
        ResourceRecords: [{ Value: '192.0.2.1' }],
      });
      const dns = await openRoute53(zone, { zoneId }, context);
      await expect(dns.list([`routed.${zone}`])).rejects.toMatchObject({ code: 'dns-failed' });
    });

    test('two zones of one name: it asks which', async () => {
      await createZone('twice.example');
      await createZone('twice.example');
      const work = openRoute53('twice.example', {}, context);
      await expect(work).rejects.toMatchObject({
        code: 'dns-zone-missing',
        message: expect.stringContaining('2 zones'),
      });
    });
  });
});
