// What answers are made of, and what is sent.
import { anyObject, array, choice, count, flag, integer, number, object, orNull, schema, table, text, time } from "./parts.mjs";

const cell = orNull(number());
const seconds = (description) => orNull(number(description));

export const page = (name, item) =>
  object({ [name]: array(schema(item)), next: orNull(text("The next page's cursor; null: this is the last")) });

export const schemas = {
  Error: object({
    ok: { type: "boolean", enum: [false] },
    error: text("What is wrong, where, and what to do; where there is a code, the text begins with it and a colon"),
  }),
  Ingested: object({
    ok: flag(), accepted: count("Points that are taken"), rejected: count("Points that are not"),
    errors: array(schema("PointError"), "The first ones"),
  }),
  PointError: object({
    index: count("Which point of the body, from 0"),
    reason: text("A word that stays as it is, for programs"), message: text("For people"),
  }, { optional: ["index"] }),
  Point: object({
    meta_time: time("Event time"), track: text(), chassis: text("Which machine"), lap: integer(), sector: integer(),
  }, { optional: ["meta_time", "lap", "sector"], additionalProperties: true, description: "Its fields are members" }),
  Series: object({
    track: text(), chassis: text(), last_time: time("Event time of its newest point"), last_seen: time("When that came"),
    lap: integer(), sector: integer(), speed_kmh: cell, rate_hz: number("Points a second"),
    points: count("Since the start"), clock_offset_ms: integer("Arrival less event time: the median of 100 points"),
    series: count("How many the machine has: one for each set of tags"),
  }, { optional: ["last_time", "lap", "sector", "speed_kmh", "rate_hz", "clock_offset_ms"] }),
  Rollup: object({
    track: text(), chassis: text(), lap: integer(), sector: integer(), count: count("Points"),
    first_ts: time("Of its first point"), last_ts: time("Of its last point"), tags: table(text()),
  }, {
    additionalProperties: true,
    description: "Of each field f: avg_f, min_f, max_f, std_f, last_f, and the statistics that are configured",
  }),
  Mark: object({
    type: choice(["mark"]), track: text(), session: text("What the source calls it"), time: time("When it was"),
    kind: text("flag, penalty, pit, flashback, note, ..."), chassis: text("The machine that it is about; not there: all"),
    text: text(),
  }, { optional: ["track", "session", "chassis", "text"], additionalProperties: true }),
  NewMark: object({
    track: text("", { minLength: 1, maxLength: 128 }), session: text("", { minLength: 1, maxLength: 128 }),
    time: { description: "ISO 8601, or a number since 1970; not there: now" }, chassis: text("", { maxLength: 128 }),
    kind: text("Small letters, digits and _", { maxLength: 64, default: "note" }), text: text("", { maxLength: 512 }),
  }, {
    optional: ["track", "session", "time", "chassis", "kind", "text"], additionalProperties: true,
    description: "Needs a track or a session, and a text where it is a note",
  }),
  Alert: object({
    type: choice(["alert"]), name: text("As it is configured"), state: choice(["raised", "cleared"]),
    severity: choice(["info", "warning", "critical"]), track: text(), chassis: text(), tags: table(text()),
    time: time("Of the point that raised or cleared it"), value: { ...cell, description: "Of the first field that the condition names; null: not known" },
    message: text("For people"), id: text("Of the occurrence: the same when it is cleared"), active: flag("Raised, and not cleared by now"),
  }),
  Lap: object({
    id: text("<session>-<8 hex digits of the machine>-<lap>, and -<n> for the n-th of that number"),
    session: text("Its id"), track: text(), chassis: text(), lap: integer(),
    started: time("Its crossing of the line, or its first point"), ended: time("Likewise, or its last point so far"),
    lap_time_s: seconds("null: it is not complete, or nobody knows"), sector_times_s: orNull(array(cell)),
    complete: flag("Seen from line to line, or told by the source as a whole"), valid: orNull(flag()),
    pit_in: orNull(flag()), pit_out: orNull(flag()), compound: orNull(text()), official: flag("The time is the source's"),
    points: count("That count"), missing: count("Lost on the way"), duplicates: count("Sent twice"),
    longest_gap_s: seconds("Between two points that follow each other"), discarded: count("Taken back, as by a flashback"),
    max_speed_kmh: cell, best: orNull(text("", { enum: ["session", "personal", null] })),
    revision: count("0 while it is driven; more with all that changes it"), part: orNull(text("What the source calls the session")),
    begun_here: flag("Seen from its beginning"), rewound: flag(), channels: array(text(), "Names of its points' fields"),
  }),
  Session: object({
    id: text(), track: text(), name: text("Given by a person, or empty"), started: time("Of its first point"),
    ended: time("Of its last one so far"), machines: count(), laps: count("Closed ones"), points: count(),
    parts: array(text(), "What the source calls it"), live: flag("Points may still come that join it"),
    pinned: flag("Its points stay, whatever the log's retention"),
  }),
  SessionEdit: object({ name: text("At most 128 bytes; empty: none"), pinned: flag() }, { optional: ["name", "pinned"] }),
  Trace: object({
    lap: { nullable: true, allOf: [schema("Lap")], description: "null: a range of time" }, x: array(cell), fields: table(array(cell)), x_unit: choice(["s", "m"]),
    points: count("Rows"), of: count("Points that they are made of"), lost: count("Points that the log has not any more, at least"),
    gone_before: time("What came before is gone by retention"),
  }, { optional: ["lost", "gone_before"] }),
  Comparison: object({
    x: array(number()), x_unit: choice(["m"]),
    laps: array(object({
      id: text(), chassis: text(), lap: integer(), lap_time_s: cell, fields: table(array(cell)),
      delta_s: array(cell, "Against the first lap; above 0: behind it"),
      lost: count("Points that the log has not any more, at least"),
    }, { optional: ["lost"] })),
  }),
  TrackLine: object({
    name: text(), length_m: number(), frame: choice(["world", "gps", "none"]),
    origin: orNull(array(number(), "Latitude and longitude, of the frame gps", { minItems: 2, maxItems: 2 })),
    line: array(array(number(), "", { minItems: 2, maxItems: 2 }), "Closed; its first node is at the line"),
    sectors: array(anyObject), learned_from: count("Laps"),
  }),
  Standings: object({
    type: choice(["standings_update"]), track: text(), session: orNull(text("The running one's id")),
    part: orNull(text("What the source calls it")), time: time("Of the newest point"),
    best_sectors_s: array(cell), cars: array(schema("StandingsCar")),
  }),
  StandingsCar: object({
    position: count(), chassis: text(), lap: integer(), lapdist_m: cell, gap_leader_s: cell, gap_ahead_s: cell,
    laps_behind: integer(), last_lap_s: cell, best_lap_s: cell, sector: orNull(integer()), sectors_s: array(cell),
    best_sectors_s: array(cell), x_m: cell, y_m: cell, compound: orNull(text()), tyre_age_laps: cell, pit: orNull(integer("As the source tells: 0 none, 1 pitting, 2 in the pit area")),
    silent_s: number("Since its newest point"), loss: orNull(number("Share of its points that did not come")),
  }),
  Endpoint: object({
    method: text(), path: text(), scope: choice(["none", "read", "write", "admin"]), parameters: array(text()),
  }),
};
