// What the description of the API is made of: short words for what OpenAPI 3.0 says at length.

const described = (description) => (description ? { description } : {});
export const number = (description, more = {}) => ({ type: "number", ...described(description), ...more });
export const integer = (description, more = {}) => ({ type: "integer", ...described(description), ...more });
export const count = (description) => integer(description, { minimum: 0 });
export const text = (description, more = {}) => ({ type: "string", ...described(description), ...more });
export const choice = (values, description, more = {}) => text(description, { enum: values, ...more });
export const flag = (description) => ({ type: "boolean", ...described(description) });
export const time = (description) => text(description, { format: "date-time" });
export const array = (items, description, more = {}) => ({ type: "array", items, ...described(description), ...more });
export const orNull = (schema) => ({ ...schema, nullable: true });
export const anyObject = { type: "object" };
/** All members are there, but for those of `more.optional`. */
export const object = (properties, { optional = [], ...more } = {}) => {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", properties, ...(required.length > 0 ? { required } : {}), ...more };
};
/** Of names that are known only when it is answered. */
export const table = (items) => ({ type: "object", additionalProperties: items });

export const schema = (name) => ({ $ref: `#/components/schemas/${name}` });
export const parameter = (name) => ({ $ref: `#/components/parameters/${name}` });
export const refusal = (name) => ({ $ref: `#/components/responses/${name}` });

export const query = (name, description, is = text(), more = {}) => ({
  name, in: "query", description, schema: is, ...more,
});
export const header = (name, description, is = text()) => ({ name, in: "header", description, schema: is });
export const inPath = (name, description, is = text("", { minLength: 1 })) => ({
  name, in: "path", required: true, description, schema: is,
});

const content = (of, csv) => ({
  content: { "application/json": { schema: of }, ...(csv ? { "text/csv": { schema: text() } } : {}) },
});
export const json = (description, of = anyObject, more = {}) => ({ description, ...content(of, false), ...more });
export const jsonOrCsv = (description, of, more = {}) => ({ description, ...content(of, true), ...more });
export const plain = (description) => ({ description, content: { "text/plain": { schema: text() } } });
export const empty = (description) => ({ description });
export const body = (types) => ({ required: true, content: types });

/** By status: which of the refusals that all endpoints share it is. */
const refusals = {
  400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 410: "Gone",
  413: "TooLarge", 415: "WrongType", 429: "TooMany", 501: "NotHere", 503: "Unavailable",
};
/** `answers`: by status; what it says of refusals wins. `refused`: the other statuses. */
export const endpoint = ({ tag, id, summary, description, scope = "read", parameters = [], takes, answers, refused = [] }) => {
  const statuses = [...refused, 429, ...(scope === "none" ? [] : [401, 403])];
  const responses = { ...answers };
  for (const status of statuses) responses[status] ??= refusal(refusals[status]);
  return {
    tags: [tag], summary, ...described(description), operationId: id,
    ...(parameters.length > 0 ? { parameters } : {}), ...(takes ? { requestBody: takes } : {}), responses,
    ...(scope === "none" ? { security: [] } : {}), "x-scope": scope,
  };
};
