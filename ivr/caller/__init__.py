"""The scripted caller: a telephone of our own that dials by real SIP, keys by script and names the prompts it hears.

`await place_call(CallPlan(...))` is the whole of it for demonstrations, tests and measurements. Nothing of the order
line's own side may be used in here but the prompts' files and their wording: it stands where a retailer stands.
"""

from ivr.caller.call import place_call
from ivr.caller.clip_index import ClipIndexes
from ivr.caller.plan import CallOutcome, CallPlan, HeardPrompt, KeyedGroup, Moment, PlanError

__all__ = ["CallOutcome", "CallPlan", "ClipIndexes", "HeardPrompt", "KeyedGroup", "Moment", "PlanError", "place_call"]
