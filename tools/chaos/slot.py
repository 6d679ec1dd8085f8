"""What does one slot do? It takes faults by their number, one after the other, until none is left.

``python -m tools.chaos.slot <folder of the results> <slot> <broker> <seed> <first> <last> [fault …]``. A slot takes a
fault by creating its ``.taken`` file; a fault is done when its ``.json`` file exists. So slots share the work, and an
interrupted suite continues where it stopped.
"""

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from apps.stack.guardian import guard
from tools.chaos import results
from tools.chaos.testbed import Testbed


def main() -> None:
    """Run one slot, from the start of its services to their end."""
    folder, name, broker, seed, first, last, *only = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    home = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    guard(home)
    home.chmod(0o711)  # servers that do not run as root must be able to enter
    testbed = Testbed(home, broker)
    with testbed.running():
        # Imported only now: the product's settings need the addresses of the services.
        from tools.chaos.experiment import Experiments

        experiments = Experiments(testbed, broker)
        for number in _numbers(Path(folder), name, range(int(first), int(last) + 1)):
            result = experiments.run(number, int(seed), only)
            if result.problems:
                shutil.copytree(testbed.logs, Path(folder) / f"{number}.logs", dirs_exist_ok=True)
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
