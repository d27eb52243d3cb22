"""Running one function over the companies of the universe on a few threads.

Belongs here: concurrency and stopping together. Does not belong here: what is done for a company.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from .client import EdgarClient
from .errors import Cancelled
from .universe import UniverseCompany

Outcome = TypeVar("Outcome")


def for_each_company(
    client: EdgarClient, universe: Sequence[UniverseCompany], act: Callable[[UniverseCompany], Outcome]
) -> list[Outcome]:
    """Return the outcomes in the universe's order.

    The first error stops the others at their next wait and is raised once all have ended, so that nothing
    writes to the home folder after this returns.
    """
    errors: list[BaseException] = []

    def run(company: UniverseCompany) -> Outcome:
        try:
            return act(company)
        except BaseException as error:
            if not isinstance(error, Cancelled):
                errors.append(error)
            client.stop()
            raise

    with ThreadPoolExecutor(max_workers=client.settings.workers, thread_name_prefix="edgar") as pool:
        futures: list[Future[Outcome]] = [pool.submit(run, company) for company in universe]
        try:
            return [future.result() for future in futures]
        except BaseException as error:
            client.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            # What a thread ran into first is the cause; that others were cancelled is its consequence.
            if errors and isinstance(error, Exception):
                raise errors[0] from None
            raise
