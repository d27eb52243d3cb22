"""One pass over the universe: what all its parts share.

Belongs here: the identity of a pass, resuming a cut-off one, keeping a response with its ledger line. Does
not belong here: which responses a company needs.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from .client import Answer, EdgarClient, Validators
from .events import Event, OnEvent
from .ledger import Ledger, LedgerLine
from .settings import EdgarSettings
from .storage import ResponseStore, hash_of

# A pass cut off longer ago is not continued: what it landed is no news of today's.
RESUME_WITHIN = timedelta(hours=6)


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


@dataclass
class Pass:
    """One pass. `today` is the day in UTC against which filings are awaited."""

    settings: EdgarSettings
    client: EdgarClient
    store: ResponseStore
    ledger: Ledger
    report: OnEvent
    pass_id: str
    resumed: bool
    today: date
    wrote: bool = field(default=False)

    def made_here(self, line: LedgerLine | None) -> bool:
        """Whether a ledger line was written by this pass, before or after it was cut off."""
        return line is not None and line.pass_id == self.pass_id

    def kept(self, line: LedgerLine | None) -> LedgerLine | None:
        """Return the line if the response it is about is still in the home folder, else None."""
        return line if line is not None and self.store.holds(line.sha256) else None

    def ask(self, url: str, last: LedgerLine | None) -> Answer | LedgerLine:
        """Ask for an address; return `last` when its response is unchanged."""
        if last is None:
            return self.client.get(url)
        answer = self.client.get(url, Validators(last.etag, last.last_modified))
        return last if answer.status == 304 or hash_of(answer.body) == last.sha256 else answer

    def keep(
        self,
        kind: str,
        cik: int,
        answer: Answer,
        *,
        index_sha256: str | None = None,
        new: list[str] | None = None,
        missing: list[str] | None = None,
        asked_on: str = "",
        mark: str | None = None,
    ) -> LedgerLine:
        """Keep a response: the file first, then its line, so that no line names a file that is not there."""
        line = LedgerLine(
            kind=kind,
            cik=cik,
            url=answer.url,
            fetched_at=answer.fetched_at.isoformat(),
            pass_id=self.pass_id,
            sha256=self.store.keep(answer.body),
            status=answer.status,
            etag=answer.etag,
            last_modified=answer.last_modified,
            index_sha256=index_sha256,
            new=new or [],
            missing=missing or [],
            asked_on=asked_on,
            mark=mark,
        )
        self.write(line)
        self.report(Event("landed", f"{answer.url}: kept, {len(answer.body):,} bytes", cik=cik, url=answer.url))
        return line

    def write(self, line: LedgerLine) -> None:
        """Append a line to the ledger."""
        self.ledger.append(line)
        self.wrote = True

    def finish(self) -> None:
        """Note the end of the pass; a pass that wrote nothing leaves no trace."""
        if self.wrote or self.resumed:
            self.write(LedgerLine("pass", 0, "", utc_now().isoformat(), self.pass_id))


def begin_pass(home: Path, settings: EdgarSettings, client: EdgarClient, report: OnEvent, now: datetime) -> Pass:
    """Open the home folder's ledger and begin a pass, or go on with one cut off within the last hours."""
    store, ledger = ResponseStore(home), Ledger(home)
    store.remove_leftovers()
    if ledger.unreadable:
        report(
            Event(
                "ledger_repaired",
                f"{ledger.path}: {ledger.unreadable} unreadable lines left out; they are fetched anew",
            )
        )
    cut_off = ledger.unfinished_pass()
    resumed = cut_off is not None and abs(now - cut_off.fetched_time()) <= RESUME_WITHIN
    pass_id = cut_off.pass_id if cut_off is not None and resumed else uuid.uuid4().hex
    if resumed:
        report(
            Event(
                "pass_resumed",
                "going on with the pass that was cut off; companyfacts that it kept are asked for again only after a new filing",
            )
        )
    else:
        report(Event("pass_started", "asking EDGAR what is new"))
    return Pass(settings, client, store, ledger, report, pass_id, resumed, now.date())
