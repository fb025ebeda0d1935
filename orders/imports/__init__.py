"""Master data from files: retailers, catalogue and allocation as CSV or Excel, with a report of every bad line.

`sheet` reads files into rows of text, `fields` checks single cells, `tables` knows each kind of file, `load` writes.
"""
