// The description of the HTTP API, as OpenAPI 3.0. `node openapi.mjs VERSION` prints it: the server gives it at
// /api/openapi.json, page.mjs makes docs/api.md of it, and tests hold the server to it.
import { pathToFileURL } from "node:url";
import { choice, header, integer, json, query, schema, text } from "./parts.mjs";
import { paths } from "./paths.mjs";
import { schemas } from "./schemas.mjs";

const retry = { headers: { "Retry-After": { description: "Seconds", schema: integer() } } };
const error = (description, more) => json(description, schema("Error"), more);

const parameters = {
  track: query("track", "Only of this track"),
  chassis: query("chassis", "Only of this machine"),
  from: query("from", "Not before: ISO 8601, or a number since 1970 in s, ms, µs or ns"),
  to: query("to", "Not after, likewise"),
  limit: query("limit", "At most so many a page", integer("", { minimum: 1, maximum: 1000 })),
  cursor: query("cursor", "`next` of the page before"),
  fields: query("fields", "Names with commas between them; without it all"),
  durability: query("durability", "What the answer waits for; without it as configured",
    choice(["received", "logged", "fsynced", "replicated"])),
  key: header("Idempotency-Key", "Sent again under the same key within ten minutes, it is answered as then and not taken again",
    text("", { maxLength: 128 })),
  accept: header("Accept", "text/csv gives a table; of pages the next one's cursor is in X-Next-Cursor"),
};

const responses = {
  BadRequest: error("It cannot be answered as it is: what is wrong, and what can be asked for"),
  Unauthorized: error("A token is needed, or this is none"),
  Forbidden: error("The token is for something else, or the page that asks comes from elsewhere (Origin)"),
  NotFound: error("unknown_session, unknown_lap, unknown_track"),
  Conflict: error("incomplete_lap; pinned_full"),
  Gone: error("no_history: the log has it not any more"),
  TooLarge: error("The body is too large"),
  WrongType: error("A Content-Type that is not understood"),
  TooMany: error("Beyond this client's limits", retry),
  NotHere: error("no_history, not_followed: this server keeps no log, or Redis does"),
  Unavailable: error("Not now: try again", retry),
};

export const openapi = (version) => ({
  openapi: "3.0.3",
  info: {
    title: "Slipstream", version,
    description:
      "Real-time telemetry ingestion. An error is `{\"ok\":false,\"error\":\"...\"}`. Parameters of `/api/*` that are not known are " +
      "refused. GETs are answered packed where Accept-Encoding takes gzip or zstd. Tokens are needed where some are configured.",
    license: { name: "Apache-2.0" },
  },
  servers: [{ url: "/" }],
  tags: [
    { name: "Points", description: "What is sent, and what comes of it" },
    { name: "Laps", description: "Sessions, laps, traces, comparisons" },
    { name: "Marks", description: "What happened at an instant" },
    { name: "Alerts", description: "What was raised and cleared" },
    { name: "Live", description: "As it comes" },
    { name: "Server", description: "How it goes" },
    { name: "InfluxDB", description: "For senders of line protocol, unchanged" },
  ],
  security: [{}, { bearer: [] }],
  paths,
  components: {
    schemas, parameters, responses,
    securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
  },
});

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.write(`${JSON.stringify(openapi(process.argv[2] ?? "unreleased"))}\n`);
}
