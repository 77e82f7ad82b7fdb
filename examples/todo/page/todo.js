// Shows the list, sends what is clicked, and changes what is shown only when the feed tells: so do all other browsers.
"use strict";

const API = "todo/";
const todos = new Map();
const state = document.getElementById("state");
const unfinished = document.getElementById("unfinished");
let feed = null;

function show() {
  const sorted = [...todos.values()].sort((one, other) => one.title.localeCompare(other.title));
  document.getElementById("todos").replaceChildren(...sorted.map((todo) => {
    const item = document.createElement("li");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: todo.completed });
    const title = Object.assign(document.createElement("span"), { textContent: todo.title });
    const remove = Object.assign(document.createElement("button"), { textContent: "×", title: "remove" });
    item.className = todo.completed ? "completed" : "";
    box.onchange = () => send("PATCH", API + todo.id, { completed: box.checked });
    remove.onclick = () => send("DELETE", API + todo.id);
    item.append(box, title, remove);
    return item;
  }));
}

async function send(method, url, data) {
  const options = { method, headers: {} };
  if (data) {
    options.headers["Content-Type"] = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    options.body = JSON.stringify(data);
  }
  const answer = await fetch(url, options);
  if (!answer.ok) state.textContent = (await answer.json()).detail;
}

// The list and the feed have the same filters; what does not meet them any more comes as a delete.
const filter = () => (unfinished.checked ? "completed=false" : "");

async function read() {
  const found = await (await fetch(`${API}?limit=1000&${filter()}`)).json();
  todos.clear();
  for (const todo of found) todos.set(todo.id, todo);
  show();
  state.textContent = "in step";
}

function follow() {
  if (feed) feed.close();
  feed = new EventSource(`${API}?${filter()}`);
  feed.addEventListener("ready", read);
  feed.addEventListener("reset", read);
  feed.onerror = () => { state.textContent = "connecting …"; };
  for (const kind of ["create", "update", "delete"]) {
    feed.addEventListener(kind, (event) => {
      const todo = JSON.parse(event.data);
      if (kind === "delete") todos.delete(todo.id); else todos.set(todo.id, todo);
      show();
      state.textContent = "in step";
    });
  }
}

unfinished.addEventListener("change", follow);
follow();

document.getElementById("new").addEventListener("submit", (event) => {
  event.preventDefault();
  const title = document.getElementById("title");
  send("POST", API, { title: title.value });
  title.value = "";
});
