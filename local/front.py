"""The front port: passes HTTP requests to the emulated API, and nothing of the emulator else.

Method, path, query, headers, body and status go through unchanged; only the path gets the prefix
under which the emulator serves the API. Connections are kept alive on both sides.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import time
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import h11

from local.processes import HOST

CHUNK = 65536
# Seconds a spare connection stays in use: much less than the emulator's own limit of 75 s, so
# that a request never meets a connection which the other side is closing.
SPARE = 20
# Headers about one connection, not about the message (RFC 9110, section 7.6.1).
HOP = {
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"te",  # codespell:ignore te
    b"transfer-encoding",
    b"upgrade",
}


@dataclass
class Connection:
    """One side of the proxy: a socket and the state of its HTTP/1.1 conversation."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: h11.Connection
    idle_since: float = field(default_factory=time.monotonic)

    async def receive(self) -> object:
        """Return the next event of the conversation."""
        while (event := self.http.next_event()) is h11.NEED_DATA:
            if self.http.they_are_waiting_for_100_continue:
                await self.send(h11.InformationalResponse(status_code=100, headers=[]))
            self.http.receive_data(await self.reader.read(CHUNK))
        return event

    async def send(self, event: h11.Event) -> None:
        """Send one event."""
        if data := self.http.send(event):
            self.writer.write(data)
            await self.writer.drain()

    async def relay(self, to: "Connection") -> None:
        """Pass the rest of this side's message, its body and its end, on to the other side."""
        while True:
            event = await self.receive()
            if isinstance(event, h11.Data):
                await to.send(h11.Data(data=event.data))
            elif isinstance(event, h11.EndOfMessage):
                await to.send(h11.EndOfMessage())
                return
            else:
                raise ConnectionError("The other side stopped in the middle of a message.")

    def close(self) -> None:
        """Close the socket."""
        self.writer.close()


class Front:
    """A reverse proxy from any number of clients to one upstream address."""

    def __init__(self, upstream: str) -> None:
        """Pass requests to `upstream`, such as http://127.0.0.1:4566/prefix."""
        address = urlsplit(upstream)
        self._port = address.port
        self._prefix = address.path.rstrip("/").encode()
        self._spare: deque[Connection] = deque()

    async def serve(self, port: int) -> None:
        """Serve on `port` of the loopback interface until TERM."""
        server = await asyncio.start_server(self._talk, HOST, port, backlog=1024)
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        async with server:
            await ended.wait()
            server.close()
            server.close_clients()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client's connection, request after request."""
        client = Connection(reader, writer, h11.Connection(h11.SERVER))
        with contextlib.suppress(ConnectionError, h11.ProtocolError):
            while await self._pass_one(client):
                pass
        client.close()

    async def _pass_one(self, client: Connection) -> bool:
        """Pass one request and its answer; tell whether another may follow."""
        try:
            request = await client.receive()
        except h11.RemoteProtocolError as error:
            await refuse(client, error.error_status_hint, "The request is not valid HTTP.")
            return False
        if not isinstance(request, h11.Request):
            return False
        upstream = await self._open(client)
        if not upstream:
            return False
        try:
            await self._exchange(client, upstream, request)
        except (ConnectionError, h11.ProtocolError):
            upstream.close()
            if client.http.our_state is h11.SEND_RESPONSE:
                await refuse(client, 502, "The local stack broke off before it answered.")
            return False
        self._keep(upstream)
        if client.http.states != {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            return False
        client.http.start_next_cycle()
        return True

    async def _exchange(self, client: Connection, up: Connection, request: h11.Request) -> None:
        """Pass the request up, and at the same time whatever answer comes down."""
        headers = passed_on(request)
        target = self._prefix + request.target
        await up.send(h11.Request(method=request.method, target=target, headers=headers))
        await client.relay(up)
        answer = await up.receive()
        while isinstance(answer, h11.InformationalResponse):
            answer = await up.receive()
        if not isinstance(answer, h11.Response):
            raise ConnectionError("The emulator closed the connection without an answer.")
        headers = passed_on(answer)
        reason, status = answer.reason, answer.status_code
        await client.send(h11.Response(status_code=status, headers=headers, reason=reason))
        await up.relay(client)

    async def _open(self, client: Connection) -> Connection | None:
        """Return a connection to the upstream; when there is none, tell the client."""
        while self._spare:
            spare = self._spare.pop()
            if time.monotonic() - spare.idle_since < SPARE and not spare.reader.at_eof():
                return spare
            spare.close()
        try:
            reader, writer = await asyncio.open_connection(HOST, self._port)
        except OSError:
            await refuse(client, 502, "The local stack is not running.")
            return None
        return Connection(reader, writer, h11.Connection(h11.CLIENT))

    def _keep(self, upstream: Connection) -> None:
        """Keep a connection for the next request, if HTTP allows that."""
        if upstream.http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            upstream.http.start_next_cycle()
            upstream.idle_since = time.monotonic()
            self._spare.append(upstream)
        else:
            upstream.close()


def passed_on(message: h11.Request | h11.Response) -> list[tuple[bytes, bytes]]:
    """Return the headers that do not concern one connection only, spelt as they came."""
    headers = [each for each in message.headers.raw_items() if each[0].lower() not in HOP]
    chunked = (b"transfer-encoding", b"chunked")
    return [*headers, chunked] if chunked in list(message.headers) else headers


async def refuse(client: Connection, status: int, message: str) -> None:
    """Answer in our own name."""
    body = json.dumps({"message": message, "code": "local_stack"}).encode()
    headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
    headers.append(("connection", "close"))
    await client.send(h11.Response(status_code=status, headers=headers))
    await client.send(h11.Data(data=body))
    await client.send(h11.EndOfMessage())


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    options = parser.parse_args()
    asyncio.run(Front(options.upstream).serve(options.port))


if __name__ == "__main__":
    main()
