// The endpoints, by their paths.
import {
  anyObject, array, body, choice, count, empty, endpoint, inPath, integer, json, jsonOrCsv, number, object, parameter, plain,
  query, schema, text,
} from "./parts.mjs";
import { page } from "./schemas.mjs";

const tagged = query("tag.NAME", "Only those with this tag; any name, and again for a choice of values");
const whole = [parameter("track"), parameter("chassis")];
const span = [parameter("from"), parameter("to")];
const pages = [parameter("limit"), parameter("cursor"), parameter("accept")];

/** What takes points answers in the same shape whether it takes them or not. */
const refusedBody = {
  400: json("Not one of them can be taken, or a parameter is wrong", { anyOf: [schema("Ingested"), schema("Error")] }), 401: json("A token is needed"),
  403: json("The token is for something else, or the page that asks comes from elsewhere"),
  413: json("More than MAX_BODY_BYTES"), 415: json("A Content-Type or Content-Encoding that is not understood"),
  429: json("Beyond this sender's limits"), 503: json("Not now: send it again"),
};

const points = {
  "/api/ingest": {
    post: endpoint({
      tag: "Points", id: "ingest", summary: "Send points", scope: "write",
      description: "Bodies may be packed (Content-Encoding: gzip, zstd, deflate).",
      parameters: [parameter("durability"), parameter("key"), query("track", "Of points that name none")],
      takes: body({
        "application/json": {
          schema: { oneOf: [schema("Point"), array(schema("Point"))] },
          example: [{ track: "cota", chassis: "GR86-01", lap: 1, lapdist_m: 10, speed_kmh: 100 }],
        },
        "application/x-ndjson": { schema: text("A point a line") },
        "text/csv": { schema: text("A header and rows, or rows by position") },
      }),
      answers: { 200: json("Looked at, and as safe as was asked", schema("Ingested")), ...refusedBody },
    }),
  },
  "/api/recent/{n}": {
    get: endpoint({
      tag: "Points", id: "getRecent", summary: "The newest points",
      parameters: [inPath("n", "How many at most", integer("", { minimum: 0, maximum: 4294967295 })), ...whole],
      answers: { 200: json("Oldest first", object({ recent: array(schema("Point")) })) }, refused: [400],
    }),
  },
  "/api/series": {
    get: endpoint({
      tag: "Points", id: "listSeries", summary: "Machines that have sent since the start", parameters: [tagged],
      answers: { 200: json("All", object({ series: array(schema("Series")) })) }, refused: [400],
    }),
  },
  "/api/rollups": {
    get: endpoint({
      tag: "Points", id: "listRollups", summary: "Closed windows",
      parameters: [
        query("window", "Its name; without it all that are stored"), ...whole,
        query("lap", "Only of this lap", integer("", { minimum: -32768, maximum: 32767 })), ...span, ...pages,
        query("fields", "Of the statistics those of these fields"), tagged,
      ],
      answers: { 200: jsonOrCsv("The newest first", page("rollups", "Rollup")) }, refused: [400, 503],
    }),
  },
};

const laps = {
  "/api/sessions": {
    get: endpoint({
      tag: "Laps", id: "listSessions", summary: "Sessions", parameters: [parameter("track"), ...span, parameter("accept")],
      answers: { 200: jsonOrCsv("The newest first", object({ sessions: array(schema("Session")) })) },
      refused: [400, 501, 503],
    }),
  },
  "/api/sessions/{id}": {
    patch: endpoint({
      tag: "Laps", id: "editSession", summary: "Name a session, or pin it", scope: "write",
      parameters: [inPath("id", "Of /api/sessions")],
      takes: body({ "application/json": { schema: schema("SessionEdit"), example: { name: "Qualifying" } } }),
      answers: { 200: json("The session", schema("Session")) }, refused: [400, 404, 409, 413, 415, 501, 503],
    }),
  },
  "/api/laps": {
    get: endpoint({
      tag: "Laps", id: "listLaps", summary: "Laps",
      parameters: [
        query("session", "Only of this one: its id"), ...whole,
        query("lap", "Only this number", integer("", { minimum: -2147483648, maximum: 2147483647 })), ...pages,
      ],
      answers: { 200: jsonOrCsv("The newest by their beginning first", page("laps", "Lap")) },
      refused: [400, 404, 501, 503],
    }),
  },
  "/api/trace": {
    get: endpoint({
      tag: "Laps", id: "getTrace", summary: "A lap, or a time of a machine, point by point",
      description: "Of a lap, or of a session's machine and a range of time.",
      parameters: [
        query("lap", "Its id"), query("session", "Its id, where no lap is named"), query("chassis", "Likewise"), ...span,
        parameter("fields"), query("by", "Along what", choice(["time", "distance", "position"], "", { default: "time" })),
        query("points", "About so many rows; 0: all points", integer("", { minimum: 0, maximum: 1000000, default: 2000 })),
        parameter("accept"),
      ],
      answers: {
        200: jsonOrCsv("Of each part of the axis the minimum and maximum; or all points", schema("Trace"), {
          headers: { ETag: { description: "Of a lap that cannot change any more", schema: text() } },
        }),
        304: empty("It is as If-None-Match says"),
      },
      refused: [400, 404, 409, 410, 501, 503],
    }),
  },
  "/api/compare": {
    get: endpoint({
      tag: "Laps", id: "compareLaps", summary: "Laps over each other",
      parameters: [
        query("laps", "Up to six ids with commas between them; times are against the first", text(), { required: true }),
        query("fields", "Names with commas between them; without it the speed"),
        query("step", "Metres", number("", { exclusiveMinimum: true, minimum: 0, maximum: 10000, default: 5 })),
        parameter("accept"),
      ],
      answers: { 200: jsonOrCsv("On one grid of positions", schema("Comparison")) }, refused: [400, 404, 409, 410, 501, 503],
    }),
  },
  "/api/track/{name}": {
    get: endpoint({
      tag: "Laps", id: "getTrack", summary: "A track's line",
      parameters: [inPath("name", "The track"), query("session", "Of games that do not tell the track: of this one; else the newest")],
      answers: { 200: json("Learned from laps", schema("TrackLine")) }, refused: [400, 404, 501, 503],
    }),
  },
  "/api/standings": {
    get: endpoint({
      tag: "Laps", id: "getStandings", summary: "The order of the cars",
      parameters: [parameter("track"), query("session", "Only of this one: its id, or what the source calls it")],
      answers: { 200: json("Of each track with cars that drive", object({ standings: array(schema("Standings")) })) },
      refused: [400],
    }),
  },
};

const marks = {
  "/api/marks": {
    get: endpoint({
      tag: "Marks", id: "listMarks", summary: "Marks",
      parameters: [
        parameter("track"), query("session", "What the source calls it"), parameter("chassis"), query("kind", "Only this kind"),
        ...span, ...pages,
      ],
      answers: { 200: jsonOrCsv("The newest first", page("marks", "Mark")) }, refused: [400, 503],
    }),
    post: endpoint({
      tag: "Marks", id: "addMark", summary: "Write a note", scope: "write", parameters: [parameter("durability"), parameter("key")],
      takes: body({ "application/json": { schema: schema("NewMark"), example: { track: "spa", text: "new front tyres" } } }),
      answers: { 201: json("The log has it", schema("Ingested")), ...refusedBody },
    }),
  },
};

const alerts = {
  "/api/alerts": {
    get: endpoint({
      tag: "Alerts", id: "listAlerts", summary: "Alerts, raised and cleared",
      parameters: [
        query("state", "Those that are active (raised, and not cleared), or that were raised, or cleared; without it all that was raised and cleared", choice(["active", "raised", "cleared"])),
        query("name", "Only this alert"), parameter("track"), parameter("chassis"), ...span, ...pages,
      ],
      answers: { 200: jsonOrCsv("The newest first", page("alerts", "Alert")) }, refused: [400, 503],
    }),
  },
};

const live = {
  "/ws/realtime": {
    get: endpoint({
      tag: "Live", id: "live", summary: "Live channels, by WebSocket", description: "At WS_PATH.",
      answers: { 101: empty("The protocol of live.md"), 426: json("It is a WebSocket", schema("Error")) }, refused: [400, 503],
    }),
  },
  "/foxglove": {
    get: endpoint({
      tag: "Live", id: "foxglove", summary: "For Foxglove, Lichtblick and PlotJuggler",
      answers: { 101: empty("foxglove.websocket.v1"), 426: json("It is a WebSocket", schema("Error")) }, refused: [400, 503],
    }),
  },
};

const server = {
  "/api": {
    get: endpoint({
      tag: "Server", id: "listEndpoints", summary: "What there is",
      answers: { 200: json("Endpoints", object({ version: text(), endpoints: array(schema("Endpoint")) })) }, refused: [400],
    }),
  },
  "/api/openapi.json": {
    get: endpoint({
      tag: "Server", id: "getDescription", summary: "This description",
      answers: { 200: json("OpenAPI 3.0"), 304: empty("It is as If-None-Match says") }, refused: [400],
    }),
  },
  "/api/health": {
    get: endpoint({
      tag: "Server", id: "getHealth", summary: "How it goes",
      answers: { 200: json("Well"), 503: json("Something is wrong: `notices` says what") }, refused: [400],
    }),
  },
  "/metrics": { get: endpoint({ tag: "Server", id: "getMetrics", summary: "Figures for Prometheus", answers: { 200: plain("Text format; OpenMetrics where `Accept` asks for it, then with exemplars") } }) },
  "/healthz": { get: endpoint({ tag: "Server", id: "isAlive", summary: "It runs", scope: "none", answers: { 200: plain("ok") } }) },
  "/readyz": {
    get: endpoint({
      tag: "Server", id: "isReady", summary: "It takes points", scope: "none",
      answers: { 200: plain("Yes"), 503: plain("It starts or stops") },
    }),
  },
};

/** Errors are as that version of InfluxDB spells them. */
const influx = ({ id, summary, scope = "write", answers, takes }) =>
  endpoint({
    tag: "InfluxDB", id, summary, scope, takes,
    answers: { ...answers, ...Object.fromEntries([400, 401, 403, 413, 415, 429, 503].map((status) => [status, json("As InfluxDB says it")])) },
  });
const lines = body({
  "text/plain": { schema: text("Lines of line protocol"), example: "GR86-01,track=cota speed_kmh=100 1757000000000000000" },
});
const influxWrite = (id, summary) => ({ post: influx({ id, summary, takes: lines, answers: { 204: empty("Taken") } }) });
const influxdb = {
  "/write": influxWrite("writeV1", "Line protocol, version 1"),
  "/api/v2/write": influxWrite("writeV2", "Line protocol, version 2"),
  "/api/v3/write_lp": influxWrite("writeV3", "Line protocol, version 3"),
  "/query": {
    get: influx({ id: "queryV1", summary: "What clients ask before they write", answers: { 200: json("As InfluxDB 1") } }),
    post: influx({ id: "queryV1Post", summary: "The same", answers: { 200: json("As InfluxDB 1") } }),
  },
  "/api/v2/query": {
    get: influx({ id: "queryV2", summary: "Flux is not understood", scope: "read", answers: {} }),
    post: influx({ id: "queryV2Post", summary: "Flux is not understood", scope: "read", answers: {} }),
  },
  "/ping": {
    get: endpoint({
      tag: "InfluxDB", id: "ping", summary: "It is there", scope: "none",
      answers: { 200: json("Its version, where it is asked for"), 204: empty("Yes") },
    }),
  },
  "/health": {
    get: endpoint({
      tag: "InfluxDB", id: "influxHealth", summary: "It is well", scope: "none",
      answers: { 200: json("pass", anyObject), 503: json("fail", anyObject) },
    }),
  },
};

export const paths = { ...points, ...laps, ...marks, ...alerts, ...live, ...server, ...influxdb };
