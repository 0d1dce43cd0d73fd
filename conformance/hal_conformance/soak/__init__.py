"""The soak suite: does an executable give the same bits on its three-hundredth run?

Apart from the normal run: `hal conform TARGET --suite soak`. A fixed sample of cases; each runs
hundreds of times in one executable, from one thread and then from several, with other feeds in
between; equal feeds owe equal bits, and results that were returned stay what they were.

    sample.py   which cases                  drill.py    what a worker is told, as a file
    large.py    models of its own            endure.py   the runs, inside the worker
    turned.py   the other feeds              bits.py     equal, or how far apart
    suite.py    the runner's view
"""
