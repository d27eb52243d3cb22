"""Printing lines that hold text of others: messages, paths, names of companies.

What belongs here: the one way in which such text reaches the terminal. What does not: what is said (`pipelines.display`, `pipelines.cli`).
"""

from __future__ import annotations

from rich.console import Console
from rich.text import Text


def say(console: Console, *parts: str | tuple[str, str]) -> None:
    """Print one line as it stands; a part may be a pair of text and style. Brackets and colons in it are never read as markup."""
    console.print(Text.assemble(*parts), highlight=False, soft_wrap=True)


def plain(value: object) -> Text:
    """A table's cell as it stands."""
    return Text(str(value))
