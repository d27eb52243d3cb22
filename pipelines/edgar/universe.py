"""What the source must know of a company: ticker, CIK, and the CIKs it took over from.

Belongs here: that small interface. Does not belong here: tiers, names, reading the universe file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


class UniverseCompany(Protocol):
    """Anything with these three attributes can be fetched."""

    @property
    def ticker(self) -> str:
        """The ticker, share classes with a hyphen or a dot."""
        ...

    @property
    def cik(self) -> int:
        """SEC's number of the company."""
        ...

    @property
    def successor_of(self) -> Sequence[int]:
        """CIKs that filed for this company before its own, oldest first; empty for most."""
        ...


@dataclass(frozen=True, slots=True)
class Filer:
    """The plain implementation of `UniverseCompany`."""

    ticker: str
    cik: int
    successor_of: Sequence[int] = field(default=())


def cik_name(cik: int) -> str:
    """Return the CIK as EDGAR writes it in addresses and file names, such as `CIK0000320193`."""
    return f"CIK{cik:010d}"


def same_cik(found: object, cik: int) -> bool:
    """Whether a value from a response, a number or text with leading zeros, is this CIK."""
    return isinstance(found, (int, str)) and not isinstance(found, bool) and str(found).strip().lstrip("0") == str(cik)
