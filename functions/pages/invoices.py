"""GET /invoices/hosted_invoice_url/{invoice_id} and /invoices/pdf/{invoice_id}"""

from orchard.triggers.page import redirects
from orchard.usecases import invoice_pages

handler = redirects(
    {
        "GET /invoices/hosted_invoice_url/{invoice_id}": invoice_pages.hosted,
        "GET /invoices/pdf/{invoice_id}": invoice_pages.pdf,
    }
)
