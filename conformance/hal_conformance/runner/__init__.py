"""Running cases on devices that may die: plan, workers, journal, second opinions, results.

A map, in the order of a run: `run` holds it together; `plan` chooses and orders (target, case)
items; `suites` says what a suite must offer, `standard_suite` and `api_suite` are the two;
`bench` opens workers and `wards` ends those that eat the machine; `journal` and `lock` write
down what started and ended, so that kill -9 loses nothing; `crew` has a thread for each `slot`,
which runs one item at a time and asks twice about what goes wrong; `outcome` says what an end
means; `progress` tells how far it is; `known` finds expectations, `finish` makes the results.

For one case, afterwards: `trials` and `evidence` run it alone, `history` finds what must run
before it, `repro`, `script` and `valuefiles` write the folder of `hal repro`.
"""
