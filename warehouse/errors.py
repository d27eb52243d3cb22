"""Errors that a user can act on. Their message names the company, file, tag or row and the remedy.

What belongs here: exception classes. What does not: handling them (the command line and Dagster do that).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from warehouse.validation import CheckResult


class TokenchainError(Exception):
    """Base of every error whose message is meant for the user as it stands."""


class ConfigurationError(TokenchainError):
    """A configuration file is not what it must be."""


class ResponseRefused(TokenchainError):
    """A companyfacts response can't be used: not JSON, cut off, another company's, or without facts."""


class ContractBroken(TokenchainError):
    """A derived table breaks its declared contract; its last good file stays."""

    def __init__(self, message: str, checks: Sequence[CheckResult] = ()) -> None:
        super().__init__(message)
        self.checks = tuple(checks)


class ClockSetBack(TokenchainError):
    """The machine's clock is behind what is stored, so that filing days can't be judged."""


class HomeNotWritable(TokenchainError):
    """The home folder, or the disk it is on, can't be written."""


class HomeBusy(TokenchainError):
    """Another refresh holds the home folder."""
