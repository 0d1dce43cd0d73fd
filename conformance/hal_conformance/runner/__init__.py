"""Running cases on devices that may die: plan, workers, journal, retries, results.

A map, in the order of a run: `plan` chooses and orders (target, case) items; `journal` writes
down what started and what ended, so that nothing is lost to kill -9; `slot` runs one item at a
time in a warm worker and decides what an outcome needs (a second run, alone); `session` is
that worker, `execute` what a case does with it; `memory` ends a worker that eats the machine;
`run` holds the slots together; `finish` writes the results folder; `progress` shows the way;
`repro` and `bisect` take one case apart afterwards.
"""
