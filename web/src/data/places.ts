import type { TrackLine } from '../model/messages';
import type { Rows } from './rows';

/** Where a machine is, in the plane that the map is drawn in. */

const METRES_PER_DEGREE = (6_371_008.8 * Math.PI) / 180;
/** In the order in which the server looks for them. */
const PAIRS: readonly [string, string][] = [['VBOX_Lat_Min', 'VBOX_Long_Minutes'], ['lat', 'lon'], ['latitude', 'longitude']];

export const PLACE_FIELDS = ['x_m', 'z_m', ...PAIRS.flat()];

export type Frame = Pick<TrackLine, 'frame' | 'origin'>;
export type Place = [number, number];

/** The columns that tell places, and how they become metres; undefined: these rows tell none. */
export interface Placing {
  columns: readonly [string, string];
  plane: (a: number, b: number) => Place;
}

/** `origin` is where a frame that nobody learned yet begins: the first place that is told. */
export function placingOf(rows: Rows, frame: Frame | undefined): Placing | undefined {
  if (frame?.frame !== 'gps' && rows.column('x_m') && rows.column('z_m')) {
    return { columns: ['x_m', 'z_m'], plane: (x, z) => [x, z] };
  }
  for (const columns of PAIRS) {
    const latitudes = rows.column(columns[0]);
    const longitudes = rows.column(columns[1]);
    if (!latitudes || !longitudes) continue;
    const [latitude, longitude] = frame?.origin ?? firstPlace(rows, latitudes, longitudes);
    const east = METRES_PER_DEGREE * Math.cos((latitude * Math.PI) / 180);
    return { columns, plane: (lat, lon) => [turn(lon - longitude) * east, (lat - latitude) * METRES_PER_DEGREE] };
  }
  return undefined;
}

/** Degrees between -180 and 180. */
function turn(degrees: number): number {
  return degrees - 360 * Math.round(degrees / 360);
}

function firstPlace(rows: Rows, latitudes: Float64Array, longitudes: Float64Array): Place {
  for (let row = rows.begin; row < rows.end; row++) {
    if (!Number.isNaN(latitudes[row]!) && !Number.isNaN(longitudes[row]!)) return [latitudes[row]!, longitudes[row]!];
  }
  return [0, 0];
}

/** Places that were driven, at most `most` of them. */
export function drivenPlaces(rows: Rows, placing: Placing, most = 1500): Place[] {
  const first = rows.column(placing.columns[0])!;
  const second = rows.column(placing.columns[1])!;
  const step = Math.max(1, Math.floor((rows.end - rows.begin) / most));
  const out: Place[] = [];
  for (let row = rows.begin; row < rows.end; row += step) {
    const [a, b] = [first[row]!, second[row]!];
    if (!Number.isNaN(a) && !Number.isNaN(b) && (a !== 0 || b !== 0)) out.push(placing.plane(a, b));
  }
  return out;
}
