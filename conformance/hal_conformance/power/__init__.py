"""How much the suite finds: faults put into a device that is otherwise correct.

fault.py       Fault, Call, Operator            catalogue/     the faults
device.py      a correct device with a fault    trials.py      cases that may find it
witnesses.py   fresh inputs that could          campaign.py    all faults, all operators
results.py     what is written down             table.py       docs/power.md
"""
