"""Orders into Tryton (https://www.tryton.org) over its JSON-RPC interface, and its master data out of it.

`rpc` speaks the protocol, `rows` knows its records, `gathering` makes one call of several; `masters` finds parties and
products, `making` makes those it lacks, `sales` is the life of a sale there; `connector` puts them together behind
`orders.connectors.port`. `pulling` reads what can be imported.
"""

from orders.connectors.tryton.connector import TrytonConnector
from orders.connectors.tryton.pulling import TrytonMasterData
from orders.connectors.tryton.settings import TrytonSettings

__all__ = ["TrytonConnector", "TrytonMasterData", "TrytonSettings"]
