"""Routers with types: those of Powertools have none for their construction."""

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter


class Pages(APIGatewayHttpRouter):
    """The routes of some pages."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
