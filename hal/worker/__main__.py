"""What a worker process runs; started by its path, so that it needs no installation."""

import sys
from os.path import dirname

# The script's own folder must not shadow anything. Where the packages are lent to a foreign
# interpreter, the folder of their links goes first; argv still names the link, not its target.
del sys.path[0]
if "--staged" in sys.argv:
    sys.path.insert(0, dirname(dirname(dirname(sys.argv[0]))))

if sys.argv[1] == "stdio":
    from hal.worker.stdio import guard

    guard()  # while this process is small, and has one thread

from hal.worker.server import main  # noqa: E402  after the path is set

main(sys.argv[1:])
