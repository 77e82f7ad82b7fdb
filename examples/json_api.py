"""A JSON API, its data in memory: ``gunicorn -k gevent examples.json_api:app``.

Then ``curl localhost:8000/todos -H 'Content-Type: application/json' -d '{"title": "take five"}'``.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.json_api:app``.
"""

from uuid import UUID, uuid4

import msgspec

from brubeck_wsgi import Brubeck, NotFound, UnprocessableContent


class NewTodo(msgspec.Struct, forbid_unknown_fields=True):
    title: str
    completed: bool = False


class Todo(NewTodo):
    id: UUID = msgspec.field(default_factory=uuid4)


app = Brubeck()
todos: dict[UUID, Todo] = {}


@app.get("/todos")
def index(application, message):
    return list(todos.values())


@app.post("/todos")
def create(application, message):
    try:
        new = msgspec.convert(message.json, NewTodo)
    except msgspec.ValidationError as error:
        raise UnprocessableContent(str(error)) from error
    todo = Todo(new.title, new.completed)
    todos[todo.id] = todo
    return todo, 201, {"Location": application.url_for("show", id=todo.id)}


@app.get("/todos/{id:uuid}")
def show(application, message, id):
    return find(id)


@app.delete("/todos/{id:uuid}")
def delete(application, message, id):
    del todos[find(id).id]
    return None, 204


def find(id):
    try:
        return todos[id]
    except KeyError:
        raise NotFound(f"no todo {id}", todo=id) from None
