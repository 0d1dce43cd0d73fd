"""What a worker process runs; started by its path, so that it needs no installation."""

import sys

# The script's own folder must not shadow anything; a staged copy of `hal` stands beside it.
_FOLDER = sys.path.pop(0)
if "--staged" in sys.argv:
    from os.path import dirname

    sys.path.insert(0, dirname(dirname(_FOLDER)))

from hal.worker.server import main  # noqa: E402  after the path is set

main(sys.argv[1:])
