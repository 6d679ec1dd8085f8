"""What does one slot do? It learns what happens without holes, then tries its share of the cells, one after the other.

``python -m tools.holes.slot`` takes the options of the suite as JSON. Results go into one file per slot.
"""

import signal
import sys
import tempfile
from pathlib import Path

import msgspec

from apps.stack.guardian import guard
from tools.holes import results
from tools.holes.options import Options
from tools.holes.testbed import Testbed


def main() -> None:
    """Run one slot, from the start of its services to their end."""
    options = msgspec.json.decode(sys.argv[1], type=Options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    home = Path(tempfile.mkdtemp(prefix=f"holes-{options.slot}-"))
    guard(home)
    home.chmod(0o711)  # servers that do not run as root must be able to enter
    testbed = Testbed(home, options.seed)
    with testbed.running():
        # Imported only now: the product's settings need the addresses of the services.
        from tests.inline_runs import inline_runs
        from tools.holes.share import try_share

        path = Path(options.folder) / f"slot-{options.slot}.jsonl"
        with inline_runs():
            for result in try_share(testbed, options, results.read(Path(options.folder))):
                results.write(path, result)


if __name__ == "__main__":
    main()
