"""Numbers for CloudWatch, written into the log in its embedded metric format."""

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

_UNITS = {"Lag": MetricUnit.Milliseconds}


def emit(**numbers: int) -> None:
    """Publish numbers under their names: counts, and milliseconds where a name ends in `Lag`."""
    metrics = Metrics(namespace="Orchard", service="orchard")
    for name, number in numbers.items():
        metrics.add_metric(name=name, unit=_UNITS.get(name[-3:], MetricUnit.Count), value=number)
    metrics.flush_metrics()
    metrics.clear_metrics()
