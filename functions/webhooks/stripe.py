"""POST /webhooks/stripe"""

from orchard.triggers.webhook import webhook
from orchard.usecases.reactions import REACTIONS

handler = webhook(REACTIONS)
