"""Workers: a vendor's adapter in another process, which may die without taking this one along.

`client.WorkerAdapter` is the caller's side: an Adapter like any other. `server` is the other
side; `wire` is what they say to each other, `arena` how large tensors cross without a copy
through a socket. The server's side needs the standard library and NumPy, on Python 3.10.
"""
