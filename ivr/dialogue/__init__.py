"""The conversation as a pure step: `step(state, event) -> (state, actions)`.

Standard library, prompts' and the domain's plain values only: no clock, no randomness, no logging, no database, no
network.
"""
