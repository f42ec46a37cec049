"""What the emulator leaves out of a deployed template: routes, CORS, expiry of items.

Each function brings the emulator to what the template says, whatever it had before.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from local.deploy import STACK
from local.emulator import ACCOUNT, REGION, Emulator

FUNCTIONS = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function"
ANY = "x-amazon-apigateway-any-method"
METHODS = {"get", "put", "post", "patch", "delete", "head", "options", ANY}
# A function, or the alias of one, inside the address of an integration.
FUNCTION = re.compile(r"functions/\$\{(\w+)(?:\.Arn)?\}")
CORS = {
    "allowOrigins": "AllowOrigins",
    "allowMethods": "AllowMethods",
    "allowHeaders": "AllowHeaders",
    "exposeHeaders": "ExposeHeaders",
    "allowCredentials": "AllowCredentials",
    "maxAge": "MaxAge",
}

Template = Mapping[str, Any]


class Deployment:
    """The deployed stack, as CloudFormation describes it."""

    def __init__(self, emulator: Emulator) -> None:
        """Read what is deployed in `emulator`."""
        self._emulator = emulator
        cloudformation = emulator.client("cloudformation")
        resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
        self.ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}
        answer = cloudformation.get_template(StackName=STACK, TemplateStage="Processed")
        self._resources: Mapping[str, Template] = answer["TemplateBody"]["Resources"]

    def of_type(self, kind: str) -> Iterator[tuple[str, Template]]:
        """Yield physical id and properties of each resource of this CloudFormation type."""
        for name, resource in self._resources.items():
            if resource["Type"] == kind:
                yield self.ids[name], resource.get("Properties", {})

    def api(self) -> str:
        """Return the id of the one HTTP API."""
        return next(self.of_type("AWS::ApiGatewayV2::Api"))[0]

    def complete(self) -> None:
        """Create what the emulator's CloudFormation ignores."""
        gateway = self._emulator.client("apigatewayv2")
        for api, properties in self.of_type("AWS::ApiGatewayV2::Api"):
            self._route(gateway, api, properties["Body"])
        dynamodb = self._emulator.client("dynamodb")
        for table, properties in self.of_type("AWS::DynamoDB::Table"):
            expire(dynamodb, table, properties.get("TimeToLiveSpecification"))

    def _route(self, gateway: Any, api: str, body: Template) -> None:
        """Give the HTTP API the routes and the CORS rules of its OpenAPI document."""
        for route in gateway.get_routes(ApiId=api, MaxResults="500")["Items"]:
            gateway.delete_route(ApiId=api, RouteId=route["RouteId"])
        for old in gateway.get_integrations(ApiId=api, MaxResults="500")["Items"]:
            gateway.delete_integration(ApiId=api, IntegrationId=old["IntegrationId"])
        integrations: dict[str, str] = {}
        for route, function in routes(body):
            if function not in integrations:
                integrations[function] = integrate(gateway, api, self.ids[function])
            target = f"integrations/{integrations[function]}"
            gateway.create_route(ApiId=api, RouteKey=route, Target=target)
        if rules := cors(body):
            gateway.update_api(ApiId=api, CorsConfiguration=rules)


def routes(body: Template) -> Iterator[tuple[str, str]]:
    """Yield each route key of an OpenAPI document with the logical id of its function."""
    for path, operations in body.get("paths", {}).items():
        for method in METHODS & operations.keys():
            uri = operations[method]["x-amazon-apigateway-integration"]["uri"]
            found = FUNCTION.search(uri["Fn::Sub"])
            if not found:
                raise ValueError(f"The route {path} leads to no function: {uri}")
            verb = "ANY" if method == ANY else method.upper()
            yield "$default" if path == "/$default" else f"{verb} {path}", found[1]


def cors(body: Template) -> dict[str, Any]:
    """Return the CORS rules of an OpenAPI document in the words of the gateway's own API."""
    rules = body.get("x-amazon-apigateway-cors", {})
    return {CORS[name]: value for name, value in rules.items()}


def integrate(gateway: Any, api: str, function: str) -> str:
    """Let the HTTP API call `function`; return the id of the integration."""
    made = gateway.create_integration(
        ApiId=api,
        IntegrationType="AWS_PROXY",
        IntegrationUri=function if function.startswith("arn:") else f"{FUNCTIONS}:{function}",
        PayloadFormatVersion="2.0",
    )
    return str(made["IntegrationId"])


def expire(dynamodb: Any, table: str, setting: Template | None) -> None:
    """Switch the expiry of items on as the template says."""
    now = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if setting and now.get("TimeToLiveStatus") != "ENABLED":
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=setting)
