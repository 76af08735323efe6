/** What the provider sells, in the small: names and sizes are the provider's, prices are near its own (EUR, net). */

interface Location {
  id: number;
  name: string;
  description: string;
  country: string;
  city: string;
  latitude: number;
  longitude: number;
  network_zone: string;
}

export const locations: readonly Location[] = [
  place(1, 'fsn1', 'Falkenstein DC Park 1', 'DE', 'Falkenstein', 50.476_12, 12.370_071, 'eu-central'),
  place(2, 'nbg1', 'Nuremberg DC Park 1', 'DE', 'Nuremberg', 49.452_102, 11.076_665, 'eu-central'),
  place(3, 'hel1', 'Helsinki DC Park 1', 'FI', 'Helsinki', 60.169_855, 24.938_379, 'eu-central'),
  place(4, 'ash', 'Ashburn, VA', 'US', 'Ashburn, VA', 39.045_821, -77.487_073, 'us-east'),
];

function place(
  id: number,
  name: string,
  description: string,
  country: string,
  city: string,
  latitude: number,
  longitude: number,
  network_zone: string,
): Location {
  return { id, name, description, country, city, latitude, longitude, network_zone };
}

/** Older clients know a location's data centers. */
export const datacenters = locations.map((location) => ({
  id: location.id + 1,
  name: `${location.name}-dc${location.id + 10}`,
  description: `${location.city} virtual DC ${location.id + 10}`,
  location: location.name,
}));

export interface ServerType {
  id: number;
  name: string;
  category: string;
  cores: number;
  memoryGb: number;
  diskGb: number;
  cpuType: 'shared' | 'dedicated';
  architecture: 'x86' | 'arm';
  hourly: number;
  locations: readonly string[];
  /** Announced as going away. */
  deprecated?: { announced: string; unavailable_after: string };
}

const europe = ['fsn1', 'nbg1', 'hel1'];
const everywhere = [...europe, 'ash'];

export const serverTypes: readonly ServerType[] = [
  type(104, 'cx22', 'Cost-Optimized', 2, 4, 40, 'shared', 'x86', 0.0061, europe),
  type(105, 'cx32', 'Cost-Optimized', 4, 8, 80, 'shared', 'x86', 0.0109, europe),
  type(106, 'cx42', 'Cost-Optimized', 8, 16, 160, 'shared', 'x86', 0.0264, europe),
  type(107, 'cx52', 'Cost-Optimized', 16, 32, 320, 'shared', 'x86', 0.0521, europe),
  type(22, 'cpx11', 'Regular Performance', 2, 2, 40, 'shared', 'x86', 0.007, everywhere),
  type(23, 'cpx21', 'Regular Performance', 3, 4, 80, 'shared', 'x86', 0.0122, everywhere),
  type(24, 'cpx31', 'Regular Performance', 4, 8, 160, 'shared', 'x86', 0.0218, everywhere),
  type(45, 'cax11', 'Cost-Optimized', 2, 4, 40, 'shared', 'arm', 0.0061, europe),
  type(93, 'cax21', 'Cost-Optimized', 4, 8, 80, 'shared', 'arm', 0.0105, europe),
  type(96, 'ccx13', 'General Purpose', 2, 8, 80, 'dedicated', 'x86', 0.02, everywhere),
  type(97, 'ccx23', 'General Purpose', 4, 16, 160, 'dedicated', 'x86', 0.0392, everywhere),
  {
    ...type(3, 'cx21', 'Cost-Optimized', 2, 4, 40, 'shared', 'x86', 0.0088, europe),
    deprecated: { announced: '2024-06-06T00:00:00Z', unavailable_after: '2024-09-06T00:00:00Z' },
  },
];

function type(
  id: number,
  name: string,
  category: string,
  cores: number,
  memoryGb: number,
  diskGb: number,
  cpuType: 'shared' | 'dedicated',
  architecture: 'x86' | 'arm',
  hourly: number,
  sold: readonly string[],
): ServerType {
  return { id, name, category, cores, memoryGb, diskGb, cpuType, architecture, hourly, locations: sold };
}

/** Whatever the name, an x86 server boots the lab's own Debian tree. */
export const images = (['x86', 'arm'] as const).flatMap((architecture, index) => [
  image(114_690_387 + index, 'debian-12', 'Debian 12', 'debian', '12', architecture),
  image(161_547_269 + index, 'ubuntu-24.04', 'Ubuntu 24.04', 'ubuntu', '24.04', architecture),
]);

export type Image = ReturnType<typeof image>;

function image(
  id: number,
  name: string,
  description: string,
  flavor: string,
  version: string,
  architecture: 'x86' | 'arm',
) {
  return {
    id,
    name,
    description,
    type: 'system',
    status: 'available',
    image_size: null,
    disk_size: 5,
    created: '2023-06-13T05:00:00Z',
    created_from: null,
    bound_to: null,
    os_flavor: flavor,
    os_version: version,
    architecture,
    rapid_deploy: true,
    protection: { delete: false },
    deprecated: null,
    deleted: null,
    labels: {},
  };
}

const vat = 1.19;
const hoursAMonth = 624;

/** Net and gross, as texts with ten digits after the point, as the provider writes them. */
export function amount(net: number) {
  return { net: net.toFixed(10), gross: (net * vat).toFixed(16) };
}

export function price(hourly: number) {
  return { price_hourly: amount(hourly), price_monthly: amount(hourly * hoursAMonth) };
}

export const traffic = { included_traffic: 21_990_232_555_520, price_per_tb_traffic: amount(1) };

export const loadBalancerTypes = [
  { id: 1, name: 'lb11', description: 'LB11', max_connections: 10_000, max_services: 5, max_targets: 25 },
  { id: 2, name: 'lb21', description: 'LB21', max_connections: 20_000, max_services: 15, max_targets: 75 },
].map((one) => ({
  ...one,
  max_assigned_certificates: one.max_services * 2,
  deprecated: null,
  prices: everywhere.map((location) => ({ location, ...price(0.0091 * one.id), ...traffic })),
}));

export const gigabyte = 1024 ** 3;

/** Of a volume, per gigabyte and month. */
export const volumeMonthly = 0.044;
export const primaryIpMonthly = { ipv4: 0.5, ipv6: 0 };
