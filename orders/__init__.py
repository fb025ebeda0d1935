"""The domain and its store: retailers, catalogue, limits, drafts, orders, the outbox and the sales systems behind it.

Imports no sibling package. What other packages need of the domain stands in `values` (plain frozen values) and `desk`
(what a conversation may ask of the domain).
"""
