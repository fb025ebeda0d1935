"""Fault tickets: what the emergency plan demands of each cause, by when, of whom; and what was done."""
