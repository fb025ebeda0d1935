"""Calling retailers: when there is a line to spare, which line, what the line said of it; talking is the dialogue's."""
