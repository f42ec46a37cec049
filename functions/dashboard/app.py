"""GET /dashboard and /dashboard/{proxy+}, POST /dashboard/{proxy+}"""

from dashboard.frame.serving import served
from dashboard.routers import ROUTERS

handler = served(*ROUTERS)
