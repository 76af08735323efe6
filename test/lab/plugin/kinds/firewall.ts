import { z } from 'zod';
import { change } from '../api.ts';
import { body, differs, type Kind, type Props } from '../kind.ts';
import { make, remover, show, updateCommon } from './simple.ts';

const ruleSchema = z.object({
  direction: z.string(),
  protocol: z.string(),
  port: z.string().nullish(),
  sourceIps: z.array(z.string()).nullish(),
  destinationIps: z.array(z.string()).nullish(),
  description: z.string().nullish(),
});
const targetSchema = z.object({ labelSelector: z.string().nullish(), server: z.number().nullish() });
const inputSchema = z.object({
  rules: z.array(ruleSchema).default([]),
  applyTos: z.array(targetSchema).optional(),
});

function rulesOf(props: Props): Props[] {
  return inputSchema
    .parse(props)
    .rules.map(({ sourceIps, destinationIps, ...rest }) =>
      body({ ...rest, source_ips: sourceIps ?? undefined, destination_ips: destinationIps ?? undefined }),
    );
}

function resourcesOf(props: Props): Props[] {
  return (inputSchema.parse(props).applyTos ?? []).map(({ labelSelector, server }) =>
    server
      ? { type: 'server', server: { id: server } }
      : { type: 'label_selector', label_selector: { selector: labelSelector } },
  );
}

const firewallSchema = z.object({
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  rules: z.array(
    z.object({
      direction: z.string(),
      protocol: z.string(),
      port: z.string().nullable(),
      source_ips: z.array(z.string()),
      destination_ips: z.array(z.string()),
      description: z.string().nullable(),
    }),
  ),
  applied_to: z.array(
    z.object({
      server: z.object({ id: z.number() }).nullish(),
      label_selector: z.object({ selector: z.string() }).nullish(),
    }),
  ),
});

/** Empty lists and texts are as good as none: a program leaves them out. */
const filled = <T extends string | string[]>(value: T | null): T | undefined =>
  value === null || value.length === 0 ? undefined : value;

export const firewall: Kind = {
  inputs: ['name', 'labels', 'rules', 'applyTos'],
  replaces: [],
  defaults: { labels: {}, rules: [] },
  create: (inputs) =>
    make('firewalls', 'firewall', {
      name: inputs['name'],
      labels: inputs['labels'],
      rules: rulesOf(inputs),
      apply_to: resourcesOf(inputs),
    }),
  async read(id) {
    const one = await show('firewalls', 'firewall', id, firewallSchema);
    if (one === undefined) return undefined;
    return {
      name: one.name,
      labels: one.labels,
      rules: one.rules.map((rule) =>
        body({
          direction: rule.direction,
          protocol: rule.protocol,
          port: filled(rule.port),
          sourceIps: filled(rule.source_ips),
          destinationIps: filled(rule.destination_ips),
          description: filled(rule.description),
        }),
      ),
      applyTos: one.applied_to.map(({ server, label_selector }) =>
        server ? { server: server.id } : { labelSelector: label_selector?.selector },
      ),
    };
  },
  async update(id, olds, news) {
    await updateCommon('firewalls', id, olds, news);
    if (differs(olds, news, 'rules', { rules: [] })) {
      await change('POST', `/firewalls/${id}/actions/set_rules`, { rules: rulesOf(news) });
    }
    if (!differs(olds, news, 'applyTos')) return;
    const before = resourcesOf(olds);
    if (before.length > 0) {
      await change('POST', `/firewalls/${id}/actions/remove_from_resources`, { remove_from: before });
    }
    await change('POST', `/firewalls/${id}/actions/apply_to_resources`, { apply_to: resourcesOf(news) });
  },
  async remove(id) {
    const applied = resourcesOf((await firewall.read(id)) ?? {});
    if (applied.length > 0) {
      await change('POST', `/firewalls/${id}/actions/remove_from_resources`, { remove_from: applied });
    }
    await remover('firewalls')(id);
  },
};
