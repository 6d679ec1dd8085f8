"""What does one lane do? It takes faults by their number, one after the other, until none is left.

``python -m tools.chaos.lane <folder of the results> <lane> <broker> <seed> <first> <last> [fault …]``. A fault is
taken by making its ``.taken`` file and is done when its ``.json`` file is there: so lanes share the work, and a suite
that was interrupted goes on where it stood.
"""

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.chaos import results
from tools.chaos.stand import Stand


def main() -> None:
    """One lane, from the start of its services to their end."""
    folder, name, broker, seed, first, last, *only = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix=f"{name}-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o711)  # servers that refuse to be root must get in
        stand = Stand(Path(home), broker)
        with stand.running():
            # Only now: the product's modules need its settings, and these the services' addresses.
            from tools.chaos.trial import Lane

            lane = Lane(stand, broker)
            for number in _numbers(Path(folder), name, range(int(first), int(last) + 1)):
                result = lane.trial(number, int(seed), only)
                if result.problems:
                    shutil.copytree(stand.logs, Path(folder) / f"{number}.logs", dirs_exist_ok=True)
                results.write(Path(folder), result)


def _numbers(folder: Path, name: str, wanted: range) -> Iterator[int]:
    for number in wanted:
        if (folder / f"{number}.json").exists():
            continue
        try:
            with (folder / f"{number}.taken").open("x") as file:
                file.write(name)
        except FileExistsError:
            continue
        yield number


if __name__ == "__main__":
    main()
