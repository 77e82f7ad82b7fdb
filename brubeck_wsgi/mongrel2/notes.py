"""What a worker and the switchboard tell each other beside the messages: short lines of bytes."""

from __future__ import annotations


class Note:
    """How the notes of a worker begin; what follows is said in brackets. Several go together, a line each."""

    DONE = b"-"  # [key] one message has been dealt with
    BEGUN = b"+"  # [key] something was sent, but the answer is not complete
    UPGRADED = b"^"  # [key] the request has become a WebSocket
    READY = b"R"  # [identity] a front takes this worker's answers
    GONE = b"G"  # [identity] it does not any more
    LIMIT = b"H"  # [number] how many requests the worker takes at a time
    LEAVING = b"L"  # nothing new, please


END = b"end"
"""The one command to a worker, which has said that it leaves: nothing more comes."""
