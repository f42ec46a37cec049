"""The double as a server on the loopback interface."""

import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from local.stripe.account import Account, seconds
from local.stripe.answers import Answer, Request
from local.stripe.api import Api
from local.stripe.reports import Outbox

HOST = "127.0.0.1"


class Double:
    """A pretended Stripe account that serves its API, its pages and its control calls.

    `answering` is called with each request after its answer is made and before it is sent: a test
    can let other things happen in between.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        webhook_url: str | None = None,
        webhook_secret: str = "whsec_double",  # noqa: S107 - a double has nothing to protect
        secret_key: str | None = None,
        state: Path | None = None,
        clock: Callable[[], int] = seconds,
    ) -> None:
        self.answering: Callable[[Request], None] = _pass
        self._server = _Server((HOST, port), _Handler)
        self._server.double = self
        self.url = f"http://{HOST}:{self._server.server_port}"
        self.account = Account(clock, state)
        self.outbox = Outbox(self.account, webhook_url, webhook_secret)
        self._api = Api(self.account, self.outbox, self.url, secret_key)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._server.stop()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()
        self.outbox.close()
        self.account.close()

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        made = self._api.answer(request)
        self.answering(request)
        return made


def _pass(_request: Request) -> None:
    """Let nothing happen."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    double: Double

    def __init__(self, *arguments: Any) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def stop(self) -> None:
        """Serve no more; a last connection wakes who waits for one."""
        stopping = threading.Thread(target=self.shutdown)
        stopping.start()
        with socket.create_connection((HOST, self.server_port)):
            stopping.join()

    def hang_up(self) -> None:
        """End the connections that clients keep open."""
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                self._connections.discard(connection)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave in one piece.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def _respond(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        target = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(length)
        made = self.server.double.answer(
            Request(str(self.command), target.path, target.query, headers, body)
        )
        self.send_response(made.status)
        for name, value in made.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(made.body)))
        self.end_headers()
        self.wfile.write(made.body)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = _respond  # noqa: N815 - names of http.server

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - same
        """Keep quiet."""
