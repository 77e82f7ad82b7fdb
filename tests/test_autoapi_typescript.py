"""A client in TypeScript whose types are made of the OpenAPI document: it compiles, and what is wrong does not."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from webtest import TestApp

from tests.apps.autoapi_app import app

pytestmark = pytest.mark.serving

PACKAGES = ("typescript@5", "openapi-typescript@7")
CLIENT = """
import type { components, paths } from "./api";

type Todo = components["schemas"]["Todo"];
type TodoInput = components["schemas"]["TodoInput"];
type Listed = paths["/todo/"]["get"]["responses"]["200"]["content"]["application/json"];
type Answered = paths["/todo/{id}"]["patch"]["responses"]["200"]["content"]["application/json"];

export async function make(input: TodoInput): Promise<Todo> {
  const answer = await fetch("/todo/", { method: "POST", body: JSON.stringify(input) });
  return await answer.json() as Todo;
}

export const list = async (): Promise<Listed> => await (await fetch("/todo/")).json();
export const titles = (todos: Listed): string[] => todos.map((todo) => todo.title);
export const done = (todo: Answered): boolean | undefined => todo.completed;
export const first: TodoInput = { title: "buy milk" };
"""


def test_typescript_client_compiles(tmp_path, pytestconfig):
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed (Debian: npm)")
    tools = pytestconfig.cache.mkdir("typescript")
    binaries = tools / "node_modules" / ".bin"
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(tools), *PACKAGES]
    if not (binaries / "tsc").exists() and subprocess.run(install, capture_output=True, timeout=90).returncode:
        pytest.skip("npm finds no packages")
    (tmp_path / "openapi.json").write_text(TestApp(app).get("/openapi.json").text)
    (tmp_path / "client.ts").write_text(CLIENT)
    (tmp_path / "wrong.ts").write_text(CLIENT + "export const wrong: Todo = { title: 5 };\n")

    def run(*command):
        return subprocess.run([str(binaries / command[0]), *command[1:]], cwd=tmp_path, capture_output=True, text=True)

    made = run("openapi-typescript", "openapi.json", "-o", "api.ts")
    options = ["--strict", "--noEmit", "--target", "es2022", "--lib", "es2022,dom", "--skipLibCheck", "false"]
    good, bad = run("tsc", *options, "client.ts"), run("tsc", *options, "wrong.ts")

    assert made.returncode == 0, made.stderr
    assert good.returncode == 0, good.stdout
    assert bad.returncode != 0
