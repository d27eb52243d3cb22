"""EDGAR as a source: SEC's own service, asked politely and incrementally.

Belongs here: the HTTP client with its rate limit, retries and block pause; the filing index, the ticker list
and the bulk archives; landing of responses and the ledger of what was fetched. Does not belong here: turning
a response into rows (`raw.company_facts`), Dagster definitions, the lock on the home folder, and the refresh
itself.
"""

from .bulk import bulk_load
from .errors import Blocked, EdgarError, MissingContact, TickerMismatch
from .events import Event
from .fetch import fetch
from .look import Look, look
from .result import Failure, FetchResult, LandedResponse, read_filings, read_pages
from .settings import EdgarSettings, read_settings
from .submissions import Filing
from .universe import Filer, UniverseCompany

__all__ = [
    "Blocked",
    "EdgarError",
    "EdgarSettings",
    "Event",
    "Failure",
    "FetchResult",
    "Filer",
    "Filing",
    "LandedResponse",
    "Look",
    "MissingContact",
    "TickerMismatch",
    "UniverseCompany",
    "bulk_load",
    "fetch",
    "look",
    "read_filings",
    "read_pages",
    "read_settings",
]
