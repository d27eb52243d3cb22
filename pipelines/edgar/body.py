"""Reading a response's body: whole, unpacked, within limits, and JSON.

Belongs here: bytes off the wire to a parsed object. Does not belong here: what the object means, sending
requests.
"""

import json
import time
import zlib
from collections.abc import Iterator
from typing import Any

import httpx

from .errors import NotJson, TooLarge, TransientFault, UnexpectedStatus

GZIP_WINDOW = 16 + zlib.MAX_WBITS
CHUNK_BYTES = 64 * 1024


def raw_chunks(response: httpx.Response, url: str, limit_bytes: int, seconds: float) -> Iterator[bytes]:
    """Yield the bytes as sent.

    Raises TooLarge past `limit_bytes`, and TransientFault when the whole takes longer than `seconds`: a
    server that sends a byte now and then never trips the read timeout.
    """
    deadline = time.monotonic() + seconds
    received = 0
    for chunk in response.iter_raw():
        received += len(chunk)
        if received > limit_bytes:
            raise TooLarge(url, limit_bytes)
        if time.monotonic() > deadline:
            raise TransientFault(url, f"the response was not complete after {seconds:g} seconds")
        yield chunk


def read_body(response: httpx.Response, url: str, limit_bytes: int, seconds: float) -> bytes:
    """Return the whole body, unpacked where it was sent gzipped.

    Unpacking is done here and not by the HTTP client because the client takes a cut-off gzip stream for a
    complete one and unpacks without a limit. Raises TransientFault on a damaged or unfinished stream,
    TooLarge past the limit.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    chunks = raw_chunks(response, url, limit_bytes, seconds)
    if encoding in ("", "identity"):
        return b"".join(chunks)
    if encoding not in ("gzip", "x-gzip"):
        raise TransientFault(url, f"the body is encoded as {encoding!r}, which was not asked for")
    return _gunzip(chunks, url, limit_bytes)


def _gunzip(chunks: Iterator[bytes], url: str, limit_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(GZIP_WINDOW)
    unpacked = bytearray()
    try:
        for chunk in chunks:
            unpacked += unpacker.decompress(chunk, limit_bytes + 1 - len(unpacked))
            if len(unpacked) > limit_bytes:
                raise TooLarge(url, limit_bytes)
    except zlib.error as error:
        raise TransientFault(url, f"the gzipped body is damaged ({error})") from error
    if not unpacker.eof:
        raise TransientFault(url, "the gzipped body is cut off")
    if unpacker.unused_data:
        raise TransientFault(url, "there are bytes after the gzipped body")
    return bytes(unpacked)


def parse_object(body: bytes, url: str, status: int = 200) -> dict[str, Any]:
    """Return the JSON object in a body.

    Raises NotJson when it is something else, naming what it looks like, URL and status.
    """
    start = body.lstrip()[:1]
    if start == b"<":
        raise NotJson(url, status, "HTML or XML")
    try:
        content = json.loads(body)
    except RecursionError as error:
        raise NotJson(url, status, "nested too deeply to be a response of EDGAR") from error
    except ValueError as error:
        raise NotJson(url, status, f"no valid JSON ({error})") from error
    if not isinstance(content, dict):
        raise NotJson(url, status, f"a JSON {type(content).__name__}")
    return content


def check_json_shape(body: bytes, url: str, status: int) -> None:
    """Check that a body is JSON as far as deciding about a retry needs it.

    Raises NotJson for a page of HTML (asking again brings the same page) and TransientFault for a body that
    does not end as a JSON object does (cut off on the way).
    """
    text = body.strip()
    if text[:1] == b"<":
        raise NotJson(url, status, "HTML or XML")
    if not text:
        raise TransientFault(url, "the body is empty")
    if text[:1] == b"{" and text[-1:] != b"}":
        raise TransientFault(url, "the body is cut off: it does not end as JSON does")


def check_status(url: str, status: int) -> None:
    """Raise UnexpectedStatus for anything but 200 and 304."""
    if status not in (200, 304):
        raise UnexpectedStatus(url, status)
