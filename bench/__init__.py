"""Benchmarks: each measures this machine now, beside a baseline in the same run, and returns one JSON-able object.

`orderline bench NAME` finds `run(options) -> Result` in `bench.NAME`. Never part of a test's verdict.
"""
