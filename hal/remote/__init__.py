"""Workers on other machines, over SSH: a target's `host`.

`process.RemoteProcess` is to a worker there what `hal.worker.process.Process` is to one here;
`ssh` and `pump` are how bytes get there, `pack` what is sent once, `bootstrap` what runs there
first. The worker itself is that of `hal.worker`, with `hal.worker.stdio` for its stream.
"""
