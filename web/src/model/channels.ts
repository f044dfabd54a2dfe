/** What the page knows of fields by their names: what people call them, their unit, their usual range. */

export type Quantity = 'speed' | 'temperature' | 'pressure' | 'plain';

export interface Channel {
  readonly field: string;
  readonly label: string;
  readonly unit: string;
  readonly decimals: number;
  readonly quantity: Quantity;
  /** What is shown = value * scale, in the unit. */
  readonly scale: number;
  /** In the unit of the field; not there: what the values tell. */
  readonly range?: readonly [number, number];
  /** How tall it is beside the others. */
  readonly weight: number;
  /** Steps rather than slopes between two values. */
  readonly stepped?: boolean;
}

type Known = Partial<Omit<Channel, 'field'>>;

const known: Record<string, Known> = {
  speed_kmh: { label: 'Speed', unit: 'km/h', decimals: 1, quantity: 'speed', weight: 2 },
  throttle: { label: 'Throttle', unit: '%', scale: 100, decimals: 0, range: [0, 1] },
  aps: { label: 'Throttle', unit: '%', decimals: 0, range: [0, 100] },
  ath: { label: 'Throttle blade', unit: '%', decimals: 0, range: [0, 100] },
  brake: { label: 'Brake', unit: '%', scale: 100, decimals: 0, range: [0, 1] },
  pbrake_f: { label: 'Brake front', unit: 'bar', decimals: 1, quantity: 'pressure' },
  pbrake_r: { label: 'Brake rear', unit: 'bar', decimals: 1, quantity: 'pressure' },
  gear: { label: 'Gear', unit: '', decimals: 0, range: [0, 8], stepped: true },
  rpm: { label: 'Engine', unit: 'rpm', decimals: 0 },
  steer: { label: 'Steering', unit: '%', scale: 100, decimals: 0, range: [-1, 1] },
  Steering_Angle: { label: 'Steering', unit: '°', decimals: 1 },
  accx_can: { label: 'g long', unit: 'g', decimals: 2 },
  accy_can: { label: 'g lat', unit: 'g', decimals: 2 },
  fuel_kg: { label: 'Fuel', unit: 'kg', decimals: 1 },
  ers_store_j: { label: 'ERS store', unit: 'MJ', scale: 1e-6, decimals: 2 },
  lap: { label: 'Lap', decimals: 0, stepped: true },
  sector: { label: 'Sector', decimals: 0, stepped: true },
  lapdist_m: { label: 'Distance', unit: 'm', decimals: 0 },
  lap_time_s: { label: 'Lap time', unit: 's', decimals: 1 },
  drs: { label: 'DRS', unit: '', decimals: 0, range: [0, 1], stepped: true },
  tyre_age_laps: { label: 'Tyre age', unit: 'laps', decimals: 0, stepped: true },
};

const WHEELS: Record<string, string> = { fl: 'FL', fr: 'FR', rl: 'RL', rr: 'RR' };

function byPattern(field: string): Known | undefined {
  const wheel = /_(fl|fr|rl|rr)(?=_|$)/.exec(field)?.[1];
  const at = wheel ? ` ${WHEELS[wheel]}` : '';
  const bare = field.replace(/_(fl|fr|rl|rr)(?=_|$)/, '').replace(/_(c|psi|pct|bar|kg|j|s|m|kmh)$/, '');
  const words = bare.replaceAll('_', ' ');
  const label = words.charAt(0).toUpperCase() + words.slice(1) + at;
  if (/_c$/.test(field)) return { label, unit: '°C', decimals: 0, quantity: 'temperature' };
  if (/_psi$/.test(field)) return { label, unit: 'psi', decimals: 1, quantity: 'pressure' };
  if (/_pct$/.test(field)) return { label, unit: '%', decimals: 0 };
  if (wheel) return { label };
  return undefined;
}

const cache = new Map<string, Channel>();

export function channelOf(field: string): Channel {
  let channel = cache.get(field);
  if (!channel) {
    const facts = (Object.hasOwn(known, field) ? known[field] : undefined) ?? byPattern(field) ?? {};
    channel = { field, label: field, unit: '', decimals: 2, quantity: 'plain', scale: 1, weight: 1, ...facts };
    if (cache.size > 2000) cache.clear();
    cache.set(field, channel);
  }
  return channel;
}

/** What somebody wants to see first, of what there is. */
const FIRST = [
  ['speed_kmh'], ['throttle', 'aps'], ['brake', 'pbrake_f'], ['gear'], ['accy_can'], ['rpm'], ['steer', 'Steering_Angle'],
];
/** What says where or when a point is rather than how the machine does, and is no trace to begin with. */
const PLACES = new Set([
  'lap', 'lapdist_m', 'sector', 'seq', 'frame', 'session_time_s', 'VBOX_Lat_Min', 'VBOX_Long_Minutes', 'lat', 'lon', 'latitude',
  'longitude', 'x_m', 'y_m', 'z_m', 'position', 'car_index',
]);

export function firstChannels(fields: readonly string[], most = 5): string[] {
  const there = new Set(fields);
  const chosen = FIRST.map((choice) => choice.find((field) => there.has(field))).filter((field) => field !== undefined);
  for (const field of fields) {
    if (chosen.length >= most) break;
    if (!PLACES.has(field) && !chosen.includes(field)) chosen.push(field);
  }
  return chosen.slice(0, most);
}
