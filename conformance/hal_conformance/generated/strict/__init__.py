"""The strict count of coverage: what counts is what would be noticed.

neighbours.py   what a device returns that mistakes one type for another
asked.py        a case, ours or the standard's, and whether an answer to it would FAIL
changed.py      the same case with another attribute, or with other inputs
counting.py     pairs, triples and attributes that count
"""
