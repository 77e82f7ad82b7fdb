"""The raw-request corpus on bytes: through parser, environ and framing, without a server or a socket."""

from __future__ import annotations

import pytest
from corpus import CASES, ENTRIES, Case
from fuzz import strict
from fuzz.checks import check
from fuzz.pipeline import Conversation, converse

NEXT = b"GET /next HTTP/1.1\r\nHost: next\r\n\r\n"
ENTIRE = [case for case in CASES if not case.ends]
OF_THE_GRAMMAR = (400, 501, 505)
FORBIDDEN = [
    case
    for entry in ENTRIES
    for case in entry.cases
    if case in ENTIRE and case.statuses[-1] in OF_THE_GRAMMAR and not entry.why.startswith("policy")
]


def check_outcome(conversation: Conversation, case: Case, behind: int = 0) -> None:
    """Check what came of *case*, with so many requests *behind* it."""
    statuses = [200] * len(conversation.requests)
    if conversation.refusal is not None:
        statuses.append(conversation.refusal.status)
    assert statuses == case.statuses + [200] * behind
    for request, expected in zip(conversation.requests, case.sees, strict=False):
        seen = request.environ | {"body": request.body.decode("latin-1")}
        assert expected.items() <= seen.items()
        assert not set(case.hides) & seen.keys()


@pytest.mark.parametrize("case", ENTIRE, ids=lambda case: case.id)
def test_request_comes_to_the_same_however_it_arrives(case):
    for step in (None, 1, 7):
        check_outcome(converse(case.request, step), case)


@pytest.mark.parametrize("case", ENTIRE, ids=lambda case: case.id)
def test_request_right_behind_is_taken_as_another_or_not_at_all(case):
    for step in (None, 1):
        conversation = converse(case.request + NEXT, step)

        check_outcome(conversation, case, behind=1 if case.persists else 0)
        assert not case.persists or conversation.requests[-1].environ["RAW_URI"] == "/next"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_is_taken_is_what_the_standard_says_it_is(case):
    check(case.request)


@pytest.mark.parametrize("case", FORBIDDEN, ids=lambda case: case.id)
def test_oracle_forbids_what_the_corpus_does(case):
    conversation = converse(case.request)
    request = case.request[conversation.taken :] + b"\r\n\r\n"

    with pytest.raises(strict.Forbidden):
        strict.read_chunks(request[strict.read_head(request).size :])
