"""How long `import hal` takes: medians of 20 fresh interpreters, with it and without.

`python benchmarks/import_time.py [ROUNDS]`. The two kinds are interleaved, so that a busy
machine slows both. Prints what loading the whole API costs, too.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

CASES = {
    "bare interpreter": "pass",
    "import hal": "import hal",
    "import hal; hal.load": "import hal; hal.load",
}


def seconds(code: str) -> float:
    """The wall time of one fresh interpreter that runs `code`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    for code in CASES.values():
        seconds(code)  # warm the page cache and write the .pyc files
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(rounds):
        for name, code in CASES.items():
            times[name].append(seconds(code))
    medians = {name: statistics.median(values) for name, values in times.items()}
    bare = medians["bare interpreter"]
    for name, median in medians.items():
        print(f"{name:22} {median * 1e3:7.1f} ms  {(median - bare) * 1e3:+7.1f} ms")


if __name__ == "__main__":
    main()
