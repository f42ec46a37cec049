"""The whole local stack as one object, for `make dev` and for the end-to-end tests.

In a `with Stack(folder) as stack:` block, `stack.base_url` is the address of the API and
`stack.key` a key for it.
"""

import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from botocore.exceptions import ClientError

from local import deploy, processes, stripe_keys
from local.completion import Deployment
from local.emulator import Emulator
from local.processes import HOST, ROOT, Child, Failed
from local.stripe_keys import StripeSecrets

# Parameters of the emulated Systems Manager. What a start needs to know about earlier ones lies
# there, beside the data it belongs to: both are kept or lost together.
KEY = "/orchard/local/key"
STRIPE = "/orchard/stripe/sandbox"
# A request that only the deployed template answers with 200.
PROBE = "/v1/customers.list"


def quiet(step: str) -> None:
    """Report a step to nobody."""


class Stack:
    """The deployed template on the emulator, the Stripe double and the front port.

    After `start`: `base_url` (without a slash at the end), `key` (a sandbox API key), `secrets`
    (of Stripe), `endpoint` (of the emulated AWS), `stripe_url` (of the double; None with a real
    account in test mode).
    """

    base_url: str
    key: str
    secrets: StripeSecrets
    stripe_url: str | None = None

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        root: Path = ROOT,
        report: Callable[[str], None] = quiet,
    ) -> None:
        """Keep all state in `folder`; serve on `port`, or on a free one."""
        self.folder = folder
        self.log = folder / "stack.log"
        self.port = port or processes.free_port()
        self.base_url = f"http://{HOST}:{self.port}"
        self._root = root
        self._report = report
        self._emulator = Emulator(folder / "emulator", self.log)
        self._children: list[Child] = []
        self._ending = ExitStack()
        self._deployment: Deployment | None = None
        self.endpoint = self._emulator.endpoint

    def start(self) -> None:
        """Build, deploy and serve; return when a real request has been answered.

        Raises:
            Failed: a step failed; nothing is left running.

        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        """Take the steps of `start`."""
        self._report("Building the functions and their layers")
        template = deploy.build(self._root, self.log)
        self._report("Starting the AWS emulator")
        self._ending.callback(self._emulator.stop)
        self._emulator.start()
        self.secrets = self.stripe_secrets()
        self._start_double()
        self._deploy(template)
        self.key = self._parameter(KEY, self._mint)
        self._report("Opening the front port")
        self._start_front()

    def _deploy(self, template: Path) -> None:
        """Deploy the built template unless the emulator runs it already, the same way."""
        parameters = {
            "PublicBaseUrl": self.base_url,
            "StripeApiBase": self.stripe_url or stripe_keys.API,
        }
        wanted = {"sources": template.parent.name, **parameters}
        if deploy.deployed(self._emulator) != wanted:
            self._report("Deploying template.yaml")
            deploy.deploy(self._emulator, template, parameters, self.log)
            Deployment(self._emulator).complete()
            deploy.remember(self._emulator, wanted)
        self._deployment = Deployment(self._emulator)

    def stripe_secrets(self) -> StripeSecrets:
        """Return the Stripe secrets: the environment's, those stored, or new ones."""
        real, webhooks = stripe_keys.real_key(os.environ), stripe_keys.webhook_secret(os.environ)
        if real is not None:
            self._report(stripe_keys.advice(self.base_url, os.environ))
        elif deploy.deployed(self._emulator).get("StripeApiBase") == stripe_keys.API:
            # The double shall not be sent a real account's secrets.
            real, webhooks = _new_key(), webhooks or _new_webhook_secret()
        return StripeSecrets(
            self._stripe_secret("secret_key", real, _new_key),
            self._stripe_secret("webhook_secret", webhooks, _new_webhook_secret),
        )

    def _stripe_secret(self, name: str, given: str | None, new: Callable[[], str]) -> str:
        """Return one Stripe secret, stored where the functions look for it."""
        if given is not None:
            self._put(f"{STRIPE}/{name}", given)
        return self._parameter(f"{STRIPE}/{name}", new)

    def _parameter(self, name: str, make: Callable[[], str]) -> str:
        """Return the stored secret `name`; make and store it when there is none."""
        ssm = self.client("ssm")
        try:
            return str(ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
        except ClientError:
            self._put(name, make())
            return self._parameter(name, make)

    def _put(self, name: str, value: str) -> None:
        """Store a secret."""
        ssm = self.client("ssm")
        ssm.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)

    def _mint(self) -> str:
        """Create a sandbox API key."""
        answer = self.invoke("CreateApiKey", {"environment": "sandbox", "name": "local"})
        return str(answer["key"])

    def _start_double(self) -> None:
        """Start the Stripe double, unless there is a real key; it sends webhooks to our front."""
        if stripe_keys.real_key(os.environ) is not None:
            return
        self._report("Starting the Stripe double")
        # The functions know the address that was deployed: keep it while it is to be had.
        earlier = deploy.deployed(self._emulator).get("StripeApiBase", "").rpartition(":")[2]
        keep = earlier.isdecimal() and processes.is_free(int(earlier))
        port = int(earlier) if keep else processes.free_port()
        self.stripe_url = f"http://{HOST}:{port}"
        command: list[str | Path] = [sys.executable, "-m", "local.stripe", "--port", str(port)]
        command += ["--webhook-secret", self.secrets.webhook_secret]
        command += ["--webhook-url", f"{self.base_url}/webhooks/stripe"]
        # Beside the data that refers to it.
        command += ["--state", self.folder / "emulator" / "stripe.json"]
        double = self._child(command)
        double.wait_until(lambda: processes.accepts(port))

    def _start_front(self) -> None:
        """Start the front port and wait until it answers for the deployed functions."""
        if not self._deployment:
            raise Failed("Nothing is deployed.")
        upstream = f"{self.endpoint}/_aws/execute-api/{self._deployment.api()}/$default"
        command: list[str | Path] = [sys.executable, "-m", "local.front"]
        front = self._child([*command, "--port", str(self.port), "--upstream", upstream])
        front.wait_until(lambda: processes.accepts(self.port))
        self._probe()

    def _child(self, command: list[str | Path]) -> Child:
        """Start a process that ends before the emulator does."""
        child = Child(command, log=self.log, env=processes.environment())
        self._ending.callback(child.stop)
        self._children.append(child)
        return child

    def _probe(self) -> None:
        """Send a real request through the front port."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.base_url}{PROBE}", b"{}", headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                answer.read()
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            raise Failed(f"POST {PROBE} answered {error.code}: {said}; see {self.log}.") from error

    @property
    def is_running(self) -> bool:
        """Tell whether every process of the stack is alive."""
        return self._emulator.is_running and all(child.is_running() for child in self._children)

    def client(self, service: str) -> Any:
        """Return a boto3 client of the emulated AWS account."""
        return self._emulator.client(service)

    def physical_id(self, logical_id: str) -> str:
        """Return the physical id of a resource: a table's or a function's name, for example."""
        if not self._deployment:
            raise Failed("Nothing is deployed.")
        return str(self._deployment.ids[logical_id])

    def invoke(self, logical_id: str, event: Mapping[str, Any]) -> Any:
        """Run a deployed function and return its answer.

        Raises:
            Failed: the function raised; the message holds its error.

        """
        name = self.physical_id(logical_id)
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        payload = answer["Payload"].read().decode()
        if answer.get("FunctionError"):
            raise Failed(f"{logical_id} failed: {payload}")
        return json.loads(payload)

    def stop(self) -> None:
        """End everything; the emulator saves its state."""
        self._ending.close()
        self._children.clear()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()


def _new_key() -> str:
    return f"sk_test_{secrets.token_hex(16)}"


def _new_webhook_secret() -> str:
    return f"whsec_{secrets.token_hex(16)}"
