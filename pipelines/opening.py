"""Opening the asset graph in the user's browser.

What belongs here: waiting until Dagster's webserver answers, then opening its page. What does not: starting it (`pipelines.cli`).
"""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Callable

import httpx
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

LONGEST_START_SECONDS = 120


def open_when_it_answers(url: str, opener: Callable[[str], object] = webbrowser.open) -> threading.Thread:
    """Open a page as soon as its server answers, in the background; after two minutes without an answer nothing is opened."""
    waiting = threading.Thread(target=_open, args=(url, opener), daemon=True)
    waiting.start()
    return waiting


def _open(url: str, opener: Callable[[str], object]) -> None:
    attempts = Retrying(
        retry=retry_if_exception_type(httpx.TransportError),
        wait=wait_fixed(0.5),
        stop=stop_after_delay(LONGEST_START_SECONDS),
    )
    try:
        attempts(httpx.get, url, timeout=10, trust_env=False)
    except RetryError:
        return
    opener(url)
