"""Addresses of EDGAR's services under the base addresses of the settings.

Belongs here: paths. Does not belong here: requests.
"""

from .settings import EdgarSettings
from .universe import cik_name


def index_url(settings: EdgarSettings, cik: int) -> str:
    """Return the address of a company's filing index."""
    return f"{settings.data_url}/submissions/{cik_name(cik)}.json"


def older_index_url(settings: EdgarSettings, name: str) -> str:
    """Return the address of an older page of an index, by the name the index gives it."""
    return f"{settings.data_url}/submissions/{name}"


def facts_url(settings: EdgarSettings, cik: int) -> str:
    """Return the address of a company's companyfacts."""
    return f"{settings.data_url}/api/xbrl/companyfacts/{cik_name(cik)}.json"


def tickers_url(settings: EdgarSettings) -> str:
    """Return the address of the ticker list."""
    return f"{settings.www_url}/files/company_tickers.json"


def bulk_facts_url(settings: EdgarSettings) -> str:
    """Return the address of the archive of all companyfacts."""
    return f"{settings.www_url}/Archives/edgar/daily-index/xbrl/companyfacts.zip"


def bulk_index_url(settings: EdgarSettings) -> str:
    """Return the address of the archive of all filing indexes."""
    return f"{settings.www_url}/Archives/edgar/daily-index/bulkdata/submissions.zip"
