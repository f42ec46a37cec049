"""GET /dashboard and /dashboard/{proxy+}, POST /dashboard/{proxy+}"""

from dashboard.routers import ROUTERS
from dashboard.serving import served

handler = served(*ROUTERS)
