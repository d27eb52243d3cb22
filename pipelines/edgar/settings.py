"""Settings of the EDGAR source, read from the environment.

Belongs here: names, defaults and limits of settings, and the contact that SEC asks for. Does not belong here:
use of them.
"""

import os
import re
import tempfile
from datetime import date
from pathlib import Path

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from warehouse.errors import ConfigurationError

from .errors import MissingContact

EMAIL_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def default_state_directory() -> Path:
    """Return the folder all processes of one user on one machine share, outside any home folder.

    SEC counts requests per machine, not per warehouse, so two home folders must share one count. Several users can't
    share a folder safely by default: in the temporary folder anybody could be its owner. Where more than one user of a
    machine asks EDGAR, they must share a group and a folder of it (mode 2770) by TOKENCHAIN_EDGAR_STATE_DIRECTORY.
    """
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return Path(tempfile.gettempdir()) / f"tokenchain-edgar-{user}"


class EdgarSettings(BaseSettings):
    """Settings of the EDGAR source.

    `user_agent` comes from SEC_USER_AGENT; every other field from TOKENCHAIN_EDGAR_ and its name in capitals.
    Durations are seconds, sizes bytes.
    """

    model_config = SettingsConfigDict(env_prefix="TOKENCHAIN_EDGAR_", extra="ignore", frozen=True)

    user_agent: str = Field(default="", validation_alias=AliasChoices("SEC_USER_AGENT", "user_agent"))
    data_url: str = Field(default="https://data.sec.gov", description="filing indexes and companyfacts")
    www_url: str = Field(default="https://www.sec.gov", description="ticker list and bulk archives")
    state_directory: Path = Field(
        default_factory=default_state_directory,
        description="request count and block of this machine: one folder for all its processes. By default one per user; "
        "several users share the limit only through a folder of a group of theirs, with mode 2770",
    )
    requests_per_second: int = Field(
        default=5,
        ge=1,
        le=10,
        description="over all threads and processes that share the state directory; SEC allows 10",
    )
    workers: int = Field(default=4, ge=1, le=32)
    connect_timeout_seconds: float = Field(default=10, gt=0)
    read_timeout_seconds: float = Field(default=30, gt=0, description="longest silence within a response")
    response_seconds: float = Field(default=300, gt=0, description="longest time for one whole response")
    download_seconds: float = Field(default=7200, gt=0, description="longest time for one bulk archive")
    attempts: int = Field(default=4, ge=1, le=10, description="requests for one response before giving up")
    retry_wait_seconds: float = Field(default=1, ge=0, description="scale of the first random wait; doubles each time")
    retry_wait_maximum_seconds: float = Field(default=30, ge=0)
    block_pause_seconds: float = Field(
        default=600, gt=0, description="SEC's block lasts ten minutes and a retry renews it"
    )
    maximum_response_bytes: int = Field(default=256 * 1024**2, ge=1, description="unpacked, per response")
    maximum_archive_bytes: int = Field(default=8 * 1024**3, ge=1, description="as downloaded, per bulk archive")
    filings_since: date = Field(
        default=date(2009, 1, 1), description="older index pages are not read: no XBRL before 2009"
    )

    @field_validator("data_url", "www_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError(f"{value!r} is no web address: it must start with https:// (or http:// for a mirror)")
        return value.rstrip("/")

    @property
    def state_is_set(self) -> bool:
        """Whether the state's folder was chosen, so that it may be one that a group shares."""
        return self.state_directory != default_state_directory()

    def contact(self) -> str:
        """Return the User-Agent to send.

        Raises MissingContact when it holds no e-mail address or cannot be sent as a header.
        """
        agent = self.user_agent.strip()
        if not EMAIL_ADDRESS.search(agent) or not agent.isascii() or not agent.isprintable():
            raise MissingContact(self.user_agent)
        return agent


def read_settings() -> EdgarSettings:
    """Return the settings that the environment gives.

    Raises ConfigurationError naming each variable that can't be used, its value and the remedy.
    """
    try:
        return EdgarSettings()
    except ValidationError as error:
        wrong = [_sentence(str(one["loc"][0]), one["input"], one["msg"]) for one in error.errors()]
        raise ConfigurationError("; ".join(wrong)) from error


def _sentence(field: str, value: object, rule: str) -> str:
    # A field with a variable of its own is named by that variable.
    prefix = "" if field.isupper() else "TOKENCHAIN_EDGAR_"
    reason = rule.removeprefix("Value error, ")
    return (
        f"{prefix}{field.upper()} is {value!r}, which can't be used: {reason}. "
        "Correct it in the environment, or unset it for the default"
    )
