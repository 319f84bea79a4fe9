"""A visitor of the dashboard without a browser: speaks Streamlit's protocol over its websocket, as the page does."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self
from urllib.parse import urlsplit

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

XSRF_COOKIE = "_streamlit_xsrf"
LIMIT_S = 300.0
ANSWERS = ("NO SIGNS OF A FAKE FOUND", "INCONCLUSIVE", "LIKELY FAKE", "NOT JUDGED", "NO FACE")


class Visitor:
    """One session at a page. A thread takes what the server sends, and polls what the page would poll."""

    def __init__(self, url: str) -> None:
        self._http = requests.Session()
        self._url = url
        self.texts: list[str] = []  # what was drawn as Markdown, progress and errors, in order
        self._known: dict[str, ForwardMsg] = {}
        self._uploader = ""
        self._runs = 0
        self.session_id = ""
        self._urls: list[tuple[str, str, str]] = []
        self._polled: dict[str, float] = {}
        self._announced: dict[str, float] = {}
        self._widgets = BackMsg()
        self._is_closed = False
        self._changed = threading.Condition()
        self._open = contextlib.ExitStack()
        self._socket = self._open.enter_context(self._connected())
        self._ended = threading.Event()
        for work in (self._take, self._poll):
            threading.Thread(target=work, daemon=True).start()
        self._rerun()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave, as somebody does who closes the tab."""
        self._ended.set()
        self._open.close()

    def wait(self, condition: Callable[[], bool]) -> None:
        """Return once the condition holds after something came. Raises TimeoutError after LIMIT_S."""
        with self._changed:
            if not self._changed.wait_for(lambda: condition() or self._is_closed, timeout=LIMIT_S) or self._is_closed:
                raise TimeoutError(f"nothing came for {LIMIT_S} s, or the server hung up: {self.texts[-3:]}")

    def wait_for_page(self) -> None:
        """Return once a page was drawn to its end."""
        self.wait(lambda: self._runs > 0)

    def upload(self, name: str, content: bytes) -> None:
        """Upload a clip on Analyze."""
        self.wait(lambda: bool(self._uploader))
        asked = BackMsg()
        asked.file_urls_request.request_id = name
        asked.file_urls_request.file_names.append(name)
        asked.file_urls_request.session_id = self.session_id
        self._send(asked)
        self.wait(lambda: bool(self._urls))
        file_id, upload_url, delete_url = self._urls.pop()
        self.send_file(f"{self._url}{upload_url}", name, content).raise_for_status()
        told = BackMsg()
        state = told.rerun_script.widget_states.widgets.add()
        state.id = self._uploader
        file = state.file_uploader_state_value.uploaded_file_info.add()
        file.name, file.size, file.file_id = name, len(content), file_id
        file.file_urls.file_id, file.file_urls.upload_url, file.file_urls.delete_url = file_id, upload_url, delete_url
        self._widgets.CopyFrom(told)
        self._send(told)

    def send_file(self, address: str, name: str, content: bytes) -> requests.Response:
        """Send a file to an address as the page does."""
        # A connection of its own: the server hangs up on one that was idle.
        headers = {"X-Xsrftoken": self._http.cookies.get(XSRF_COOKIE) or ""}
        return requests.put(
            address, files={"file": (name, content)}, headers=headers, cookies=self._http.cookies, timeout=60
        )

    def answer(self) -> str | None:
        """Return the answer that the card shows, or None while there is none."""
        cards = [text for text in self.texts if text.startswith("## ")]
        return next((answer for text in cards for answer in ANSWERS if answer in text), None)

    def wait_for_answer(self) -> str:
        """Return the answer of the card once it is there."""
        self.wait(lambda: self.answer() is not None)
        return self.answer() or ""

    def told(self, word: str) -> str | None:
        """Return the latest text with a word in it."""
        return next((text for text in reversed(self.texts) if word in text), None)

    def _connected(self) -> contextlib.AbstractContextManager[ClientConnection]:
        self._http.get(f"{self._url}/_stcore/health", timeout=60)
        token = self._http.cookies.get(XSRF_COOKIE) or ""
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._http.cookies)
        return connect(
            f"ws://{urlsplit(self._url).netloc}/_stcore/stream",
            origin=Origin(self._url),
            subprotocols=[Subprotocol(name) for name in ("streamlit", token) if name],
            additional_headers={"Cookie": cookies},
            max_size=None,
            open_timeout=120,
            ping_interval=None,  # the server pings
        )

    def _rerun(self, fragment_id: str = "") -> None:
        message = BackMsg()
        message.rerun_script.query_string = ""
        # Every run is told of all widgets, as a browser does it: the server keeps the latest word only.
        message.rerun_script.widget_states.CopyFrom(self._widgets.rerun_script.widget_states)
        if fragment_id:
            message.rerun_script.fragment_id = fragment_id
            message.rerun_script.is_auto_rerun = True
        self._send(message)

    def _send(self, message: BackMsg) -> None:
        self._socket.send(message.SerializeToString())

    def _take(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            for data in self._socket:
                message = ForwardMsg()
                message.ParseFromString(data if isinstance(data, bytes) else data.encode())
                if message.WhichOneof("type") == "ref_hash":
                    message = self._known.get(message.ref_hash, message)
                elif message.hash:
                    self._known[message.hash] = message
                with self._changed:
                    self._note(message)
                    self._changed.notify_all()
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _note(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.session_id = message.new_session.initialize.session_id or self.session_id
        elif kind == "delta":
            self._note_element(message)
        elif kind == "auto_rerun":
            self._announced[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif kind == "script_finished":
            self._runs += 1
            if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self._polled = self._announced  # a whole page: what it does not name is polled no more
            self._announced = {}
        elif kind == "file_urls_response":
            self._urls += [
                (item.file_id, item.upload_url, item.delete_url) for item in message.file_urls_response.file_urls
            ]

    def _note_element(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        kind = element.WhichOneof("type")
        if kind == "file_uploader":
            self._uploader = element.file_uploader.id
        elif kind == "markdown":
            self.texts.append(element.markdown.body)
        elif kind == "progress":
            self.texts.append(element.progress.text)
        elif kind == "alert":
            self.texts.append(element.alert.body)

    def _poll(self) -> None:
        for fragment_id in self._due():
            with contextlib.suppress(ConnectionClosed):
                self._rerun(fragment_id)

    def _due(self) -> Iterator[str]:
        asked: dict[str, float] = {}
        while not self._ended.wait(0.05):
            now = time.monotonic()
            for fragment_id, interval_s in list(self._polled.items()):
                if now - asked.setdefault(fragment_id, now) >= interval_s:
                    asked[fragment_id] = now
                    yield fragment_id
