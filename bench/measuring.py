"""Timing a piece of work.

What belongs here: clocks, repetition, peak memory of a process. What does not: what is measured.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Measured:
    """One measurement: wall clock and processor seconds (of all threads), and what the work returned."""

    seconds: float
    cpu_seconds: float
    result: Any = None


@dataclass(frozen=True)
class MeasuredProcess:
    """One process: wall clock and processor seconds, and its peak memory in MiB."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def best_of(repeats: int, work: Callable[[], Any]) -> Measured:
    """The smallest wall clock and processor time of several repetitions: what else the machine does can only add."""
    measured = [_once(work) for _ in range(repeats)]
    return Measured(
        min(each.seconds for each in measured), min(each.cpu_seconds for each in measured), measured[-1].result
    )


def _once(work: Callable[[], Any]) -> Measured:
    seconds, cpu_seconds = time.perf_counter(), time.process_time()
    result = work()
    return Measured(time.perf_counter() - seconds, time.process_time() - cpu_seconds, result)


def run_process(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> MeasuredProcess:
    """Run a command to its end; raises RuntimeError with the end of its output where it failed."""
    log = folder / "process.log"
    with log.open("w", encoding="utf-8") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **environment})
        peak_kib = 0
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        while not ended:
            peak_kib = max(peak_kib, _peak_kib(process.pid))
            time.sleep(POLL_SECONDS)
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed: {log.read_text(encoding='utf-8')[-2000:]}")
    return MeasuredProcess(seconds, usage.ru_utime + usage.ru_stime, (peak_kib or usage.ru_maxrss) / 1024)


def _peak_kib(process_id: int) -> int:
    """The peak memory of a process up to now; 0 where the system does not tell.

    Not `ru_maxrss`: the system counts what the forking parent held into it.
    """
    try:
        lines = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def best_process(runs: Sequence[MeasuredProcess]) -> MeasuredProcess:
    """The smallest times of several runs of one command and the largest peak."""
    return MeasuredProcess(
        min(run.seconds for run in runs), min(run.cpu_seconds for run in runs), max(run.peak_mib for run in runs)
    )
