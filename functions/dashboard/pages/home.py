"""GET /dashboard"""

from aws_lambda_powertools.event_handler import Response

from dashboard.frame.answers import sent_on
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, visit

router = Pages()


@router.get("/dashboard")
def show() -> Response[str]:
    """Lead to the first page."""
    visit(router)
    return sent_on(HOME)
