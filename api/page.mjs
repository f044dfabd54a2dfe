// Prints docs/api.md, the reference of the HTTP API, out of its description: `node api/page.mjs > docs/api.md`.
import { openapi } from "./openapi.mjs";

const api = openapi("");
const look_up = (of) => (of.$ref ? of.$ref.slice(2).split("/").reduce((at, name) => at[name], api) : of);
const anchor = (title) => title.toLowerCase().replace(/[^a-z0-9 -]/g, "").replaceAll(" ", "-");
const cell = (value) => String(value ?? "").replaceAll("|", "\\|").replaceAll("\n", " ");
const row = (...cells) => `| ${cells.map(cell).join(" | ")} |`;
const table = (titles, rows) => [row(...titles), row(...titles.map(() => "---")), ...rows.map((cells) => row(...cells)), ""];

/** What a value may be, in a few words. */
function kind(schema) {
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return `[${name}](#${anchor(name)})`;
  }
  const or_null = schema.nullable ? " or null" : "";
  if (schema.enum) return schema.enum.filter((value) => value !== null).map((value) => `\`${value}\``).join(", ") + or_null;
  const choice = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (choice) return choice.map(kind).join(", or ") + or_null;
  if (schema.type === "array") return `list of ${kind(schema.items)}${or_null}`;
  if (schema.additionalProperties?.type) return `table of ${kind(schema.additionalProperties)}`;
  if (schema.type === "object" && schema.properties) {
    return `\`{${Object.entries(schema.properties).map(([name, is]) => `"${name}": `.concat("`", kind(is), "`")).join(", ")}}\``;
  }
  const least = schema.minimum === undefined ? "" : schema.exclusiveMinimum ? ` above ${schema.minimum}` : ` from ${schema.minimum}`;
  const most = schema.maximum === undefined ? "" : ` to ${schema.maximum}`;
  const format = schema.format === "date-time" ? "time" : { integer: "whole number", string: "text", boolean: "true or false" }[schema.type];
  const other = schema.type === "object" ? "an object" : schema.type;
  return `${format ?? other ?? "anything"}${least}${most}${or_null}`;
}

const with_default = (schema, description) =>
  [description, schema.default === undefined ? "" : `(\`${schema.default}\`)`].filter(Boolean).join(" ");

function parameters_of(endpoint) {
  const all = (endpoint.parameters ?? []).map(look_up);
  if (all.length === 0) return [];
  const rows = all.map((one) => [
    `\`${one.name}\`${one.required ? ", needed" : ""}`, one.in, kind(one.schema), with_default(one.schema, one.description),
  ]);
  return table(["parameter", "in", "is", ""], rows);
}

function body_of(endpoint) {
  if (!endpoint.requestBody) return [];
  const rows = Object.entries(endpoint.requestBody.content).map(([type, of]) => [
    `\`${type}\``, kind(of.schema), of.example === undefined ? of.schema.description
      : `\`${typeof of.example === "string" ? of.example : JSON.stringify(of.example)}\``,
  ]);
  return table(["body", "is", ""], rows);
}

const content_of = (answer) =>
  Object.entries(answer.content ?? {})
    .map(([type, of]) => (type === "application/json" ? kind(of.schema) : `\`${type}\``)).join(", ");

function answers_of(endpoint) {
  const all = Object.entries(endpoint.responses);
  const own = all.filter(([, answer]) => !answer.$ref);
  const shared = all.filter(([, answer]) => answer.$ref);
  const rows = own.map(([status, answer]) => [status, answer.description, content_of(answer)]);
  const refused = shared.map(([status]) => `[${status}](#refusals)`).join(", ");
  return [...(rows.length > 0 ? table(["answer", "", "is"], rows) : []), ...(refused ? [`Refused: ${refused}.`, ""] : [])];
}

/** Those that endpoints share, by their status. */
function refusals() {
  const by_status = new Map();
  for (const methods of Object.values(api.paths)) {
    for (const endpoint of Object.values(methods)) {
      for (const [status, answer] of Object.entries(endpoint.responses)) if (answer.$ref) by_status.set(status, look_up(answer));
    }
  }
  const rows = [...by_status].sort().map(([status, answer]) => [
    status, answer.description, Object.keys(answer.headers ?? {}).map((name) => `\`${name}\``).join(", "),
  ]);
  return ["## Refusals", "", "Each is an [Error](#error).", "", ...table(["status", "", "header"], rows)];
}

const lines = [
  "# HTTP API", "",
  "<!-- Made of api/openapi.mjs by `node api/page.mjs > docs/api.md`. -->",
  `${api.info.description} The same for programs, as OpenAPI 3.0: \`GET /api/openapi.json\`.`, "",
  "What a **scope** is, and how a token is sent: [security.md](security.md#tokens).", "",
];
for (const tag of api.tags) {
  lines.push(`## ${tag.name}`, "", `${tag.description}.`, "");
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, endpoint] of Object.entries(methods)) {
      if (endpoint.tags[0] !== tag.name) continue;
      lines.push(`### ${method.toUpperCase()} ${path}`, "");
      const scope = endpoint["x-scope"] === "none" ? "no token needed" : `scope \`${endpoint["x-scope"]}\``;
      lines.push([`${endpoint.summary}; ${scope}.`, endpoint.description].filter(Boolean).join(" "), "");
      lines.push(...parameters_of(endpoint), ...body_of(endpoint), ...answers_of(endpoint));
    }
  }
}
lines.push(...refusals());
lines.push("## What answers are made of", "", "Members that are not always there are marked `?`.", "");
for (const [name, schema] of Object.entries(api.components.schemas)) {
  lines.push(`### ${name}`, "");
  if (schema.description) lines.push(`${schema.description}.`, "");
  const rows = Object.entries(schema.properties).map(([member, is]) => [
    `\`${member}\`${schema.required?.includes(member) ? "" : " ?"}`, kind(is), with_default(is, is.description),
  ]);
  lines.push(...table(["member", "is", ""], rows));
}
process.stdout.write(`${lines.join("\n").trimEnd()}\n`);
