"""`app`: the dashboard, from a checkout or from an installed package."""

import argparse
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from deepfake.errors import SettingsError
from deepfake.settings import LOCAL_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGE = Path(__file__).resolve().parents[1]
HIGHEST_PORT = 65535
EVERY_ADDRESS = ("0.0.0.0", "::")
# In a wheel the start file and the pages lie inside the package (see pyproject.toml), in a checkout beside it.
START_FILES = (PACKAGE / "app" / "streamlit_app.py", PACKAGE.parent / "streamlit_app.py")


def add_app(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line's parser."""
    app = subparsers.add_parser(
        "app",
        help="open the dashboard in the browser",
        description="Serve the dashboard to this computer and open it in the browser. Stop it with Ctrl-C.",
    )
    app.add_argument("--port", type=_port, metavar="N", help="port of the page (default 8501, or the next free one)")
    app.add_argument(
        "--address",
        metavar="HOST",
        help="who may reach the page: localhost (default); 0.0.0.0 for your network (docs/settings.md has the login)",
    )
    app.add_argument(
        "--host",
        metavar="NAME",
        action="append",
        default=[],
        help="a name by which browsers reach the page, such as a proxy's, besides this computer's own; repeatable",
    )
    app.add_argument("--no-browser", action="store_true", help="serve the page without opening it")
    app.set_defaults(run=run)


def _port(text: str) -> int:
    if text.isdecimal() and int(text) <= HIGHEST_PORT:
        return int(text)
    raise argparse.ArgumentTypeError(f"a port is a number up to {HIGHEST_PORT}, not {text!r}")


def run(options: argparse.Namespace) -> None:
    """Serve the dashboard until it is stopped.

    Raises:
        SettingsError: The dashboard's files are not there, or Streamlit is not installed.
    """
    script = start_file()
    if find_spec("streamlit") is None:
        raise SettingsError("Streamlit", "it is not installed; install it with `pip install streamlit`")
    command = [sys.executable, "-m", "streamlit", "run", str(script), *streamlit_options(options)]
    if os.name == "posix":
        # The server takes this process's place, so that whoever stops the one stops the other.
        sys.stdout.flush()
        os.execv(sys.executable, command)
    subprocess.run(command, check=False)


def start_file() -> Path:
    """Return the file that Streamlit runs. Raises SettingsError where there is none."""
    for path in START_FILES:
        if path.is_file():
            return path
    raise SettingsError(START_FILES[0], "the dashboard is not part of this installation; install the wheel again")


def streamlit_options(options: argparse.Namespace) -> "Sequence[str]":
    """Return what was asked for in Streamlit's own words."""
    chosen = []
    if options.port is not None:
        chosen += ["--server.port", str(options.port)]
    if options.address is not None:
        chosen += ["--server.address", options.address]
    if options.host or options.address is not None:
        own_names = _own_names(options.address)
        for name in (*LOCAL_NAMES, *own_names, *options.host):
            chosen += ["--server.allowedHosts", name]
        if options.address in EVERY_ADDRESS:
            # Named, so that Streamlit does not ask a host on the internet by which address this one is reached.
            chosen += ["--browser.serverAddress", (*options.host, *own_names)[0]]
    if options.no_browser:
        chosen += ["--server.headless", "true"]
    return chosen


def _own_names(address: str | None) -> "Sequence[str]":
    """What other computers call this one. Nobody is asked: choosing a route for a datagram sends none."""
    if address not in EVERY_ADDRESS:
        return () if address is None or address in LOCAL_NAMES else (address,)
    name = socket.gethostname()
    names = [name] if "." in name else [name, f"{name}.local"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        try:
            route.connect(("192.0.2.1", 9))  # RFC 5737: an address that is nobody's
            names.append(route.getsockname()[0])
        except OSError:
            pass  # there is no network
    return names
