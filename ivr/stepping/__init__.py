"""The step process: the runner in a process of its own, so that nothing else here can keep a caller waiting.

`client` is the application's side, `process` the other one.
"""
