"""GET /co/{offer_id}, GET /c/{offer_id} and POST /c/{offer_id}"""

from orchard.triggers import offer_page

handler = offer_page.handled(
    {
        "GET /co/{offer_id}": offer_page.launch,
        "GET /c/{offer_id}": offer_page.show,
        "POST /c/{offer_id}": offer_page.confirm,
    }
)
