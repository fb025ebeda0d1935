"""Benchmarks: what they make of their input; the figures themselves are not tested."""
