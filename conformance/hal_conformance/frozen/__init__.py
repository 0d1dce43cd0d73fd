"""The frozen corpora "ops" and "graphs": generated cases, their references, their bounds.

A case is frozen by corpus.lock: the hash of its model and feeds, and a sketch of its float64
references. The cache holds what is made from the generator, a part an operator or a family of
graphs, made where it is first needed; a part has one file of questions, and one of bounds for
each arithmetic somebody asked for.

    question.py     Question: what is asked           lock.py       what is frozen
    quantities.py   references and bounds as bytes    making.py     a part, from the generator
    storage.py      a file of a part                  workshop.py   processes that make parts
    corpus.py       FrozenCorpus: reads, makes        answers.py    what an answer is worth
    suite.py        the runner's view                 export.py     folders for other languages
"""
