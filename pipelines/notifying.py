"""Telling an operator: one JSON message to the address in TOKENCHAIN_WEBHOOK_URL.

What belongs here: building and sending messages, and not repeating the same one. What does not: finding out what is wrong.
A message that can't be sent is logged and forgotten: it never fails a refresh.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Sequence
from typing import Any

import httpx

from warehouse.home import Home

WEBHOOK_VARIABLE = "TOKENCHAIN_WEBHOOK_URL"
TIMEOUT_SECONDS = 10.0

logger = logging.getLogger("tokenchain.notifying")


def send(kind: str, text: str, **details: Any) -> bool:
    """POST `{"kind", "text", ...}`; returns whether an address is set and it answered with success. Never raises for a bad address or answer.

    Kinds: `failure` (a refresh failed), `late` (companies past their due day or filings overdue in companyfacts), `current` (none any more).
    """
    address = os.environ.get(WEBHOOK_VARIABLE, "").strip()
    if not address:
        return False
    try:
        answer = httpx.post(address, json={"kind": kind, "text": text, **details}, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
        logger.warning("the message %r could not be sent to the webhook: %s", text, error)
        return False
    return True


def tell_failure(home: Home, run_id: str, source: str, message: str) -> bool:
    """Tell that a refresh failed and that the published file is as it was."""
    return send(
        "failure",
        f"tokenchain refresh from {source} failed: {message}; what was published before is unchanged",
        run_id=run_id,
        source=source,
        home=str(home.root),
        message=message,
    )


def tell_failure_aside(home: Home, run_id: str, source: str, message: str) -> None:
    """Tell of a failure from a thread of its own: for a holder of the home folder's lock, who must not wait for an address to answer."""
    threading.Thread(target=tell_failure, args=(home, run_id, source, message), name="tell-failure").start()


def tell_late(home: Home, sentences: Sequence[str]) -> bool:
    """Tell which companies are late, once for each set of them."""
    lines = sorted(sentences)
    told = home.root / "told.json"
    if lines == _told(home):
        return False
    text = "late: " + "; ".join(lines) if lines else "no company is late any more"
    if not send("late" if lines else "current", text, late=lines, home=str(home.root)):
        return False
    try:
        told.write_text(json.dumps(lines), encoding="utf-8")
    except OSError as error:
        logger.warning("%s: %s; the message is sent again by the next refresh", told, error)
    return True


def _told(home: Home) -> list[str]:
    try:
        found = json.loads((home.root / "told.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [str(line) for line in found] if isinstance(found, list) else []
