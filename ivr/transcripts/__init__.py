"""Golden transcripts: a call written down as a call-centre trainer reads it, and played on today's code.

`script` reads the files, `stage_set` builds the world they play in, `player` plays one and compares, line by line.
"""
