"""Calling retailers who have not ordered: who may be called when, who is to be called, and each of them once.

Decides and remembers; dialling and talking are `ivr`'s.
"""
