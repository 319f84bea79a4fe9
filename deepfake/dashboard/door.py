"""What the server answers and refuses besides Streamlit, through the middleware and the start hook that it offers."""

import ipaddress
import posixpath
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config
from streamlit.errors import StreamlitSecretNotFoundError
from streamlit.starlette import App

from deepfake.dashboard.text import plain
from deepfake.dashboard.visitor import has_logged_in, may_upload
from deepfake.errors import DeepfakeError, disk_problem
from deepfake.settings import LOCAL_NAMES

# Nothing is fetched from, sent to or framed by another host, whatever a page is made to draw. Streamlit styles in place
# (style-src), draws and runs what a page made itself (data:, blob:) and compiles the format of its tables (wasm).
POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' blob: 'wasm-unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",  # for browsers without frame-ancestors
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
UPLOADS: Final = "/_stcore/upload_file/"  # then the session's id, then the file's
MEDIA: Final = "media/"  # then a name that follows from the content: who has a clip could ask whether it is open here
REFUSED: Final = 1008  # RFC 6455: a policy forbids it; before the handshake the server answers 403


class Door:
    """Middleware: refuses connections that a page of another site opens, and files from and for visitors who have yet
    to log in; gives every answer the HEADERS.

    Streamlit itself refuses names that are not in `server.allowedHosts`. Of a foreign page it would first ask a host on
    the internet for the address of this computer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI has it."""
        if scope["type"] == "websocket" and is_foreign(Headers(scope=scope)):
            await receive()
            await send({"type": "websocket.close", "code": REFUSED})
            return
        if scope["type"] == "http" and is_unasked(scope):  # before a byte of it is read
            await PlainTextResponse("Log in first.", 403)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def is_foreign(headers: Headers) -> bool:
    """Return whether a page of another site opens a connection. Programs, which name no origin, are none."""
    origin = headers.get("origin")
    if origin is None or origin in config.get_option("server.corsAllowedOrigins"):
        return False
    return urlsplit(origin).netloc != headers.get("host")


def is_unasked(scope: Scope) -> bool:
    """Return whether somebody sends a file to a session of which nobody has logged in, or asks for a clip or picture
    of a page without having logged in, where that is asked for."""
    base = config.get_option("server.baseUrlPath").strip("/")
    if scope["path"].startswith(posixpath.join("/", base, MEDIA)):
        return has_login() and not has_logged_in(HTTPConnection(scope).cookies)
    _, is_upload, rest = scope["path"].partition(UPLOADS)
    return bool(is_upload) and scope["method"] in ("PUT", "POST") and has_login() and not may_upload(rest.split("/")[0])


def on_script_error(error: Exception) -> bool:
    """Say in one sentence what ended a page, where that is known; return whether it was."""
    problem = disk_problem(error)
    if problem is None and not isinstance(error, DeepfakeError):
        return False
    st.error(plain(error if problem is None else f"This cannot be done now: {problem}."), icon=":material/error:")
    return True


@asynccontextmanager
async def lifespan(_: App) -> AsyncIterator[None]:
    """Warn, when the server starts, where others can reach it and nobody has to log in."""
    if is_open() and not has_login():
        sys.stderr.write(
            "WARNING: whoever reaches this computer over the network can open the pages: there is no login. Everybody "
            "sees the names of all analyzed clips and can delete them. docs/settings.md says how to have visitors log "
            "in. Without --server.address and names of others in server.allowedHosts (deepfake app: without --address "
            "and --host), only this computer can open them.\n"
        )
    yield


def is_open() -> bool:
    """Return whether other computers can reach the server, itself or through another that passes a name on to it."""
    if not set(LOCAL_NAMES).issuperset(config.get_option("server.allowedHosts")):
        return True
    address = config.get_option("server.address")
    if address == "localhost":
        return False
    try:
        return not ipaddress.ip_address(address or "0.0.0.0").is_loopback
    except ValueError:
        return True


def has_login() -> bool:
    """Return whether visitors have to log in: the secrets of the application have a section [auth]."""
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError:
        return False
