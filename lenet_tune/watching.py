"""A study while it is being written: read again when its file has changed, and served as a page.

The server answers on the loopback address only, to the names of this machine only (a page of another site
that has its name resolved to 127.0.0.1 sends its own name as Host), and to nothing but GET and HEAD of the
page and of its version.
"""

import errno
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any, cast

from lenet_tune.errors import LeNetTuneError
from lenet_tune.records import Snapshot
from lenet_tune.study import Study

ADDRESS = "127.0.0.1"
NAMES = (ADDRESS, "localhost")
MOST_LOAD = 0.2
"""Part of a core, at most, that reading and rendering take while a search runs beside them."""


class Watched:
    """A study file, read where it has changed.

    Args:
        path: of a study.db that another process may be writing.
        every: seconds between two readings, at least.
        clock: seconds that only go up.
    """

    def __init__(self, path: Path, *, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.every = every
        self._clock = clock
        self._seen: tuple[int, ...] | None = None
        self._next = clock()

    def look(self) -> Snapshot | None:
        """The study, where it is due and its file has changed since the last look.

        Raises:
            StudyError: it cannot be read.
        """
        started = self._clock()
        if started < self._next:
            return None
        # Taken before reading: a change in between has the next look read again.
        stamp = self._stamp()
        if stamp is not None and stamp == self._seen:
            return None
        with Study.read(self.path) as study:
            snapshot = study.snapshot()
        self._seen = stamp
        self.rest(started)
        return snapshot

    def rest(self, started: float) -> None:
        """Put the next look off, for what has been done since `started` to stay below MOST_LOAD."""
        now = self._clock()
        self._next = now + max(self.every, (now - started) * (1 / MOST_LOAD - 1))

    def _stamp(self) -> tuple[int, ...] | None:
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def is_running(snapshot: Snapshot) -> bool:
    """Whether no session has ended since the last one began; a search that was killed looks so too."""
    return "ended" not in snapshot.manifest


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A page and which one it is: `version` counts from 1, and goes up with each new page."""

    version: int
    page: bytes
    running: bool


class Pages:
    """The study's page, rendered when it is asked for and has changed; the last good one outlives errors.

    Args:
        render: makes the page of a snapshot.
        complain: told, in a line, why a page could not be made.

    Raises:
        StudyError: the study cannot be read at all.
    """

    def __init__(
        self, watched: Watched, render: Callable[[Snapshot], str], complain: Callable[[str], None]
    ) -> None:
        self._watched = watched
        self._render = render
        self._complain = complain
        self._lock = Lock()
        snapshot = watched.look()
        assert snapshot is not None  # the first look always finds something new
        self._shown = self._page(snapshot, 1)

    @property
    def every(self) -> float:
        """Seconds after which to ask again."""
        return self._watched.every

    def current(self) -> Shown:
        """The page as it is now."""
        with self._lock:
            try:
                snapshot = self._watched.look()
                if snapshot is not None:
                    self._shown = self._page(snapshot, self._shown.version + 1)
            except Exception as error:
                # Whatever it is, a page that was good is better than none.
                self._complain(f"The page stays as it was: {' '.join(str(error).split())}")
            return self._shown

    def _page(self, snapshot: Snapshot, version: int) -> Shown:
        started = time.monotonic()
        page = self._render(snapshot).encode()
        self._watched.rest(started)
        return Shown(version=version, page=page, running=is_running(snapshot))


def page_of(snapshot: Snapshot) -> str:
    """The study's page."""
    from lenet_tune.report.page import render_page

    return render_page(snapshot)


def serve(pages: Pages, port: int) -> ThreadingHTTPServer:
    """A server on the loopback address, bound but not yet answering; port 0 takes a free one.

    Raises:
        PortError: the port cannot be had.
    """
    handler = type("Handler", (_Handler,), {"pages": pages})
    try:
        return _Server((ADDRESS, port), handler)
    except OSError as error:
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
        raise PortError(
            f"Port {port} of {ADDRESS} {reason}: name another --port, or none for a free one."
        ) from error


class PortError(LeNetTuneError):
    """The page cannot be served where it was asked for."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away is no error."""


class _Handler(BaseHTTPRequestHandler):
    pages: Pages
    timeout = 30  # seconds that a connection may stay silent

    def do_GET(self) -> None:
        status, kind, content, more = self._answer()
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            **more,
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_HEAD = do_GET

    def _answer(self) -> tuple[HTTPStatus, str, bytes, dict[str, str]]:
        """Status, content type, content, and further headers."""
        if not self._is_for_us():
            return HTTPStatus.FORBIDDEN, "text/plain", b"This server answers to localhost only.\n", {}
        if self.path not in ("/", "/version"):
            return HTTPStatus.NOT_FOUND, "text/plain", b"There is only the page: /\n", {}
        shown = self.pages.current()
        if self.path == "/version":
            facts = {"version": shown.version, "running": shown.running}
            return HTTPStatus.OK, "application/json", json.dumps(facts).encode() + b"\n", {}
        # The page allows no script to fetch anything; a reload by header keeps the place in it.
        again = {"Refresh": f"{self.pages.every:.0f}"} if shown.running else {}
        return HTTPStatus.OK, "text/html; charset=utf-8", shown.page, again

    def _is_for_us(self) -> bool:
        hosts = self.headers.get_all("Host") or []
        port = cast(ThreadingHTTPServer, self.server).server_port
        known = {f"{name}:{port}" for name in NAMES} | (set(NAMES) if port == 80 else set())
        return len(hosts) == 1 and hosts[0].strip().lower() in known

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What cannot be understood, and every method but GET and HEAD, in one line."""
        refused = code == HTTPStatus.NOT_IMPLEMENTED
        status = HTTPStatus.METHOD_NOT_ALLOWED if refused else HTTPStatus(code)
        self.close_connection = True
        self.send_response(status)
        if refused:
            self.send_header("Allow", "GET, HEAD")
        self.send_header("Content-Length", "0")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()

    def version_string(self) -> str:
        """What the server calls itself; no versions."""
        return "lenet-tune"

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are no news."""
