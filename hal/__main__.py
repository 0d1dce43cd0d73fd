"""`python -m hal` is the command `hal`."""

from hal.cli import main

main()
