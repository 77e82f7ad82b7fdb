"""The contract of channels once more, in processes whose standard library a hub has made cooperative."""

from __future__ import annotations

import subprocess
import sys

import pytest
from servers import ROOT, server_environ

PATCHES = {
    "gevent": "from gevent import monkey; monkey.patch_all()",
    "eventlet": "import eventlet; eventlet.monkey_patch()",
}
OPTIONS = ["-q", "-p", "no:cacheprovider", "-p", "pytest_timeout", "-W", "ignore::DeprecationWarning"]


@pytest.mark.redis
@pytest.mark.parametrize("hub", PATCHES)
def test_channels_keep_their_contract_under(hub):
    pytest.importorskip(hub)
    code = f"{PATCHES[hub]}; import sys, pytest; sys.exit(pytest.main({[*OPTIONS, 'tests/test_channels.py']!r}))"
    # Other plugins import what does not go with a hub.
    environ = server_environ(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", HYPOTHESIS_NO_PLUGINS="1")

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=110
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
