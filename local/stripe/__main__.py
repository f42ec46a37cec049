"""The double as a command: `python -m local.stripe --port 12111`."""

import argparse
import signal
import threading
from pathlib import Path

from local.stripe.server import Double


def main() -> None:
    """Serve until told to stop."""
    asked = _arguments()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with Double(
        port=asked.port,
        webhook_url=asked.webhook_url,
        webhook_secret=asked.webhook_secret,
        secret_key=asked.secret_key,
        state=asked.state,
    ) as double:
        print(f"Stripe double at {double.url}", flush=True)
        stop.wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="local.stripe", description=__doc__)
    parser.add_argument("--port", type=int, default=12111, help="on the loopback interface")
    parser.add_argument("--webhook-url", help="where reports go; none are sent without it")
    parser.add_argument("--webhook-secret", default="whsec_double", help="signs the reports")
    parser.add_argument("--secret-key", help="the one key to accept; any sk_... without it")
    parser.add_argument("--state", type=Path, help="a file that keeps the account")
    return parser.parse_args()


main()
