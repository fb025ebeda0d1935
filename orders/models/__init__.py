"""The tables, grouped by what they are about. Import from here to have all of them known to `Base.metadata`."""

from orders.models.calls import Call, CallbackRequest, CallEvent
from orders.models.campaigns import CallAttempt, CallConsent, Campaign, CampaignTarget, PhoneTask
from orders.models.catalogue import Allocation, Article, RetailerLimit
from orders.models.cloud_calls import CloudCall
from orders.models.faults import Contact, FaultTicket, LineChange, NodeBeat, Sighting, TicketEntry
from orders.models.foundation import AuditEntry, Base
from orders.models.handover import Lease, Reconciliation, ReconciliationDifference
from orders.models.lines import AgentPhone, BoardSlot, LineModule, LineNumber, OutboundHop, PhoneLine, Trunk, VoiceBoard
from orders.models.ordering import DemandLine, Draft, DraftLine, Order, OrderLine, OutboxRow, SalesLink
from orders.models.retailers import Batch, Holiday, Manager, Phone, Region, Retailer, Route, SuspensionNotice
from orders.models.staff import ApiToken, CallbackWork, StaffRole, StaffSession, StaffUser

__all__ = [
    "AgentPhone",
    "Allocation",
    "ApiToken",
    "Article",
    "AuditEntry",
    "Base",
    "Batch",
    "BoardSlot",
    "Call",
    "CallAttempt",
    "CallConsent",
    "CallEvent",
    "CallbackRequest",
    "CallbackWork",
    "Campaign",
    "CampaignTarget",
    "CloudCall",
    "Contact",
    "DemandLine",
    "Draft",
    "DraftLine",
    "FaultTicket",
    "Holiday",
    "Lease",
    "LineChange",
    "LineModule",
    "LineNumber",
    "Manager",
    "NodeBeat",
    "Order",
    "OrderLine",
    "OutboundHop",
    "OutboxRow",
    "Phone",
    "PhoneLine",
    "PhoneTask",
    "Reconciliation",
    "ReconciliationDifference",
    "Region",
    "Retailer",
    "RetailerLimit",
    "Route",
    "SalesLink",
    "Sighting",
    "StaffRole",
    "StaffSession",
    "StaffUser",
    "SuspensionNotice",
    "TicketEntry",
    "Trunk",
    "VoiceBoard",
]
