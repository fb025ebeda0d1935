"""Twilio as a line: calls live in Twilio's cloud, which asks us by signed webhooks what is to be done next.

Nothing of a call is kept in this process: each webhook is taken on the call's record in the database, so that any node
may answer the next one. Words of Twilio (TwiML, Gather, SIDs) stay in this package.
"""
