"""The identifiers that cross rooms, so that a checker tells a line's name from a trunk's."""

from typing import NewType

TenantName = NewType("TenantName", str)
PbxName = NewType("PbxName", str)
LineName = NewType("LineName", str)
TrunkName = NewType("TrunkName", str)
SiteName = NewType("SiteName", str)
QueueName = NewType("QueueName", str)

# Asterisk's own: a channel's name (`PJSIP/101-00000007`), its Uniqueid, and the Uniqueid its call's tree shares.
ChannelName = NewType("ChannelName", str)
Uniqueid = NewType("Uniqueid", str)
Linkedid = NewType("Linkedid", str)
Bridgeid = NewType("Bridgeid", str)
Device = NewType("Device", str)  # what is dialled: `PJSIP/101`

PromiseId = NewType("PromiseId", str)
AttemptId = NewType("AttemptId", str)  # also the Uniqueid of the channel that attempt originates
IncidentId = NewType("IncidentId", str)
MaintenanceId = NewType("MaintenanceId", str)
AnnouncementHash = NewType("AnnouncementHash", str)  # 64 hex digits: SHA-256 of what is said and how
NO_RECORDING = AnnouncementHash("")
