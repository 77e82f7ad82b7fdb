// The page that shows an OpenAPI description and sends requests to what it describes. Whatever comes from the
// description or from an answer is shown as text, never as markup.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete", "options", "head"];
const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value !== undefined && value !== null) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function resolve(description, node) {
  const seen = new Set();
  while (node && node.$ref && !seen.has(node.$ref)) {
    seen.add(node.$ref);
    node = node.$ref.replace(/^#\//, "").split("/")
      .reduce((place, part) => place && place[decodeURIComponent(part).replace(/~1/g, "/").replace(/~0/g, "~")], description);
  }
  return node || {};
}

// A value that a schema takes, to begin with.
function example(description, schema, depth = 0) {
  schema = resolve(description, schema);
  if (schema.example !== undefined) return schema.example;
  if (schema.examples && schema.examples.length) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  for (const choice of ["anyOf", "oneOf", "allOf"]) {
    if (schema[choice] && schema[choice].length) return example(description, schema[choice][0], depth + 1);
  }
  const kind = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (kind === "object" || schema.properties) {
    const made = {};
    if (depth > 4) return made;
    const required = schema.required || [];
    for (const [key, value] of Object.entries(schema.properties || {})) {
      if (depth && !required.includes(key)) continue;
      made[key] = example(description, value, depth + 1);
    }
    return made;
  }
  if (kind === "array") return depth > 4 ? [] : [example(description, schema.items || {}, depth + 1)];
  if (kind === "integer" || kind === "number") return schema.minimum || 0;
  if (kind === "boolean") return false;
  if (kind === "null") return null;
  const formats = { "date-time": new Date().toISOString(), date: new Date().toISOString().slice(0, 10),
    uuid: crypto.randomUUID ? crypto.randomUUID() : "", uri: "https://example.org/", email: "somebody@example.org" };
  return formats[schema.format] || "text";
}

function outline(description, schema, seen = []) {
  const reference = schema && schema.$ref;
  if (reference && seen.includes(reference)) return reference.split("/").pop();
  const within = reference ? [...seen, reference] : seen;
  const found = resolve(description, schema);
  if (found.anyOf || found.oneOf) return { "one of": (found.anyOf || found.oneOf).map((one) => outline(description, one, within)) };
  if (found.type === "array") return [outline(description, found.items || {}, within)];
  if (found.properties) {
    const required = found.required || [];
    return Object.fromEntries(Object.entries(found.properties).map(([key, value]) =>
      [required.includes(key) ? key + " *" : key, outline(description, value, within)]));
  }
  const parts = [[].concat(found.type || "anything").join(" or ")];
  if (found.format) parts.push(found.format);
  if (found.enum) parts.push("one of " + found.enum.map((one) => JSON.stringify(one)).join(", "));
  for (const key of ["minLength", "maxLength", "minimum", "maximum", "pattern"]) {
    if (found[key] !== undefined) parts.push(`${key} ${found[key]}`);
  }
  return parts.join(", ");
}

const words = (found) => (typeof found === "string" ? found : JSON.stringify(found));

// A field to write in; what the schema has as examples is proposed.
let proposals = 0;
function fieldOf(schema) {
  const field = element("input", { placeholder: schema.default === undefined ? "" : String(schema.default) });
  if (!schema.examples) return [field];
  const list = element("datalist", { id: `proposals-${++proposals}` },
    ...schema.examples.map((one) => element("option", { value: String(one) })));
  field.setAttribute("list", list.id);
  return [field, list];
}

function parameterRow(description, parameter, inputs) {
  const content = Object.values(parameter.content || {})[0] || {};
  const schema = resolve(description, parameter.schema || content.schema || {});
  const [input, ...others] = schema.enum && !parameter.explode
    ? [element("select", {}, element("option", { value: "" }), ...schema.enum.map((one) => element("option", {}, String(one))))]
    : fieldOf(schema);
  input.name = parameter.name;
  inputs.push({ parameter, input });
  return element("tr", {},
    element("td", {}, element("label", { class: parameter.required ? "required" : "" }, element("code", {}, parameter.name))),
    element("td", { class: "quiet" }, parameter.in),
    element("td", {}, input, ...others),
    element("td", {}, parameter.description || "", " ", element("span", { class: "quiet" }, words(outline(description, schema)))));
}

function requestOf(base, path, method, inputs, bodyInput, kindInput, acceptInput) {
  const query = new URLSearchParams();
  const headers = acceptInput ? { Accept: acceptInput.value } : {};
  for (const { parameter, input } of inputs) {
    if (input.value === "" && !parameter.required) continue;
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(input.value).replace(/%2C/g, ","));
    else if (parameter.in === "query") query.append(parameter.name, input.value);
    else if (parameter.in === "header") headers[parameter.name] = input.value;
  }
  const authorization = byId("authorization").value.trim();
  if (authorization) headers.Authorization = authorization;
  const options = { method: method.toUpperCase(), headers };
  if (bodyInput && bodyInput.value.trim()) {
    options.body = bodyInput.value;
    headers["Content-Type"] = kindInput.value;
  }
  const text = query.toString();
  return [base + path + (text ? "?" + text : ""), options];
}

// What an answer has in it; a stream is given to *show* as it comes.
async function bodyOf(answer, show) {
  if (!(answer.headers.get("Content-Type") || "").startsWith("text/event-stream")) {
    const text = await answer.text();
    try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
  }
  let text = "";
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) show(text += part.value);
  return text;
}

async function send(request, output, signal) {
  const [url, options] = request;
  const title = `${options.method} ${url}`;
  output.hidden = false;
  output.textContent = `${title}\n…`;
  const started = performance.now();
  try {
    const answer = await fetch(url, { ...options, signal });
    const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    const show = (body, took = "") => {
      output.textContent = `${title}\n${answer.status} ${answer.statusText}${took}\n${headers}\n\n${body}`;
    };
    const body = await bodyOf(answer, show);
    show(body, ` (${Math.round(performance.now() - started)} ms)`);
  } catch (error) {
    if (signal.aborted) output.append("\n(stopped)");
    else output.textContent = `${title}\n${error}`;
  }
}

// Sends when the form is submitted, and stops what is under way when it is submitted again.
function submitter(makeRequest, button, output) {
  let sending = null;
  return async (event) => {
    event.preventDefault();
    if (sending) return sending.abort();
    sending = new AbortController();
    button.textContent = "Stop";
    await send(makeRequest(), output, sending.signal);
    sending = null;
    button.textContent = "Send";
  };
}

function operationOf(description, base, path, method, item) {
  const operation = item[method];
  const inputs = [];
  const parameters = [...(item.parameters || []), ...(operation.parameters || [])].map((one) => resolve(description, one));
  const rows = parameters.map((one) => parameterRow(description, one, inputs));
  const content = resolve(description, operation.requestBody || {}).content;
  let bodyInput = null, kindInput = null;
  if (content) {
    const kinds = Object.keys(content);
    kindInput = element("select", {}, ...kinds.map((kind) => element("option", {}, kind)));
    bodyInput = element("textarea", { spellcheck: "false", "aria-label": "body" });
    bodyInput.value = JSON.stringify(example(description, content[kinds[0]].schema || {}), null, 2);
  }
  const answered = Object.keys(resolve(description, (operation.responses || {})["200"]).content || {});
  const acceptInput = answered.length > 1
    ? element("select", { name: "Accept" }, ...answered.map((kind) => element("option", {}, kind))) : null;
  const output = element("pre", { class: "answer", hidden: true });
  const button = element("button", {}, "Send");
  const makeRequest = () => requestOf(base, path, method, inputs, bodyInput, kindInput, acceptInput);
  const form = element("form", { onsubmit: submitter(makeRequest, button, output) });
  if (rows.length) form.append(element("h3", {}, "Parameters"), element("table", {}, ...rows));
  if (bodyInput) {
    form.append(element("h3", {}, "Body ", kindInput), bodyInput,
      element("details", {}, element("summary", {}, "Schema"),
        element("pre", {}, JSON.stringify(outline(description, content[Object.keys(content)[0]].schema || {}), null, 2))));
  }
  form.append(element("p", {}, button, acceptInput ? element("label", {}, " Accept ", acceptInput) : ""), output);
  const answers = Object.entries(operation.responses || {}).map(([status, answer]) => {
    const found = resolve(description, answer);
    const kinds = Object.entries(found.content || {}).map(([kind, value]) =>
      element("details", {}, element("summary", {}, kind),
        element("pre", {}, JSON.stringify(outline(description, value.schema || {}), null, 2))));
    return element("tr", {}, element("td", {}, status), element("td", {}, found.description || "", ...kinds));
  });
  const details = element("details", { class: "operation", id: operation.operationId },
    element("summary", {}, element("span", { class: `method ${method}` }, method.toUpperCase()),
      element("code", {}, path), " ", element("span", { class: "quiet" }, operation.summary || "")));
  const inside = element("div", {}, operation.description ? element("p", {}, operation.description) : null, form,
    element("h3", {}, "Answers"), element("table", {}, ...answers));
  details.append(inside);
  details.dataset.words = `${method} ${path} ${operation.summary || ""} ${operation.description || ""}`.toLowerCase();
  return details;
}

function show(description, base) {
  document.title = byId("title").textContent = description.info.title;
  byId("summary").textContent = description.info.description || `version ${description.info.version}`;
  const groups = new Map();
  for (const [path, item] of Object.entries(description.paths || {})) {
    for (const method of METHODS.filter((one) => item[one])) {
      const tag = (item[method].tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operationOf(description, base, path, method, item));
    }
  }
  byId("operations").replaceChildren(...[...groups].map(([tag, operations]) =>
    element("section", {}, element("h2", {}, tag), ...operations)));
  byId("find").addEventListener("input", (event) => {
    const word = event.target.value.toLowerCase();
    for (const one of document.querySelectorAll("details.operation")) one.hidden = !one.dataset.words.includes(word);
  });
}

async function main() {
  const place = document.body.dataset.description;
  byId("source").href = place;
  try {
    const answer = await fetch(place, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`the description could not be read: ${answer.status}`);
    const description = await answer.json();
    const server = (description.servers || [{ url: "" }])[0].url.replace(/\/$/, "");
    show(description, server);
  } catch (error) {
    byId("operations").textContent = String(error);
  }
}

main();
