"""The media process: one process of our own that paces every stream's audio and hears its keys.

Nothing in Python's other threads can starve a caller there. The application talks to it through `port.MediaPort`.
"""
