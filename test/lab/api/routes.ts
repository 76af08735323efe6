import { actionRoutes } from './actions.ts';
import { catalogRoutes } from './kinds/catalog.ts';
import { firewallRoutes } from './kinds/firewalls.ts';
import { floatingIpRoutes } from './kinds/floating-ips.ts';
import { loadBalancerRoutes } from './kinds/load-balancers.ts';
import { networkRoutes } from './kinds/networks.ts';
import { placementGroupRoutes } from './kinds/placement-groups.ts';
import { primaryIpRoutes } from './kinds/primary-ips.ts';
import { serverRoutes } from './kinds/server-actions.ts';
import { sshKeyRoutes } from './kinds/ssh-keys.ts';
import { volumeRoutes } from './kinds/volumes.ts';
import { zoneRoutes } from './kinds/zones.ts';
import type { Route } from './world.ts';

/** The first that fits is taken. */
const routes: Route[] = [
  ...actionRoutes,
  ...catalogRoutes,
  ...sshKeyRoutes,
  ...networkRoutes,
  ...firewallRoutes,
  ...primaryIpRoutes,
  ...floatingIpRoutes,
  ...placementGroupRoutes,
  ...loadBalancerRoutes,
  ...volumeRoutes,
  ...serverRoutes,
  ...zoneRoutes,
];

const patterns = routes.map((route) => ({
  route,
  pattern: new RegExp(`^${route.path.replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`),
}));

/** The route of a call and what varies in its path. `known` tells whether the path exists with another method. */
export function routeFor(
  method: string,
  path: string,
): { route: Route; params: Record<string, string> } | { route: undefined; known: boolean } {
  let known = false;
  for (const { route, pattern } of patterns) {
    const match = pattern.exec(path);
    if (match === null) continue;
    known = true;
    if (route.method !== method) continue;
    const params = Object.entries(match.groups ?? {}).map(([name, value]) => [
      name,
      decodeURIComponent(value),
    ]);
    return { route, params: Object.fromEntries(params) };
  }
  return { route: undefined, known };
}
