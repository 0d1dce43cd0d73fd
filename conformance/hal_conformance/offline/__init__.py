"""Cases that leave as files, and answers that come back as files.

manifest.py   corpus.json: which cases a bundle holds
bundle.py     writes a bundle
lab.py        run.json: what a lab says of its device
answers.py    a case's answers, as a device that has run already
judging.py    from answers to a results folder
"""
