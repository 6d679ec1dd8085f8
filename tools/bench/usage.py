"""How much CPU and memory do groups of processes use while something runs?"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

SAMPLE_SECONDS = 0.2


@dataclass(frozen=True)
class Usage:
    """CPU seconds of a group, and the peak resident memory (MB) of its largest process."""

    cpu_s: float
    peak_mb: float


class Meter:
    """Watches groups of processes while the block runs: name → pids of their roots; descendants are included.

    CPU includes children that have ended. Memory is the kernel's own high-water mark of each process, which is reset at
    the start. A process that ends before the next sample may be missed.
    """

    def __init__(self, groups: Mapping[str, Sequence[int]]) -> None:
        self._groups = groups
        self._peaks = dict.fromkeys(groups, 0.0)
        self._begin: dict[str, float] = {}
        self._end = threading.Event()
        self._sampler = threading.Thread(target=self._sample_on, daemon=True)
        self.usage: dict[str, Usage] = {}

    def __enter__(self) -> Self:
        for name in self._groups:
            for process in self._processes(name):
                with suppress(OSError):
                    Path(f"/proc/{process.pid}/clear_refs").write_text("5")
        self._begin = {name: self._cpu(name) for name in self._groups}
        self._sampler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._sampler.join()
        self._sample()
        self.usage = {
            name: Usage(round(self._cpu(name) - self._begin[name], 3), round(self._peaks[name], 1))
            for name in self._groups
        }

    def _processes(self, name: str) -> Iterator[psutil.Process]:
        for pid in self._groups[name]:
            with suppress(psutil.NoSuchProcess):
                root = psutil.Process(pid)
                yield root
                yield from root.children(recursive=True)

    def _cpu(self, name: str) -> float:
        total = 0.0
        for process in self._processes(name):
            with suppress(psutil.NoSuchProcess):
                total += sum(process.cpu_times()[:4])
        return total

    def _sample_on(self) -> None:
        while not self._end.wait(SAMPLE_SECONDS):
            self._sample()

    def _sample(self) -> None:
        for name in self._groups:
            for process in self._processes(name):
                self._peaks[name] = max(self._peaks[name], peak_mb(process.pid))


def peak_mb(pid: int) -> float:
    """The high-water mark of a process's resident memory; 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)
