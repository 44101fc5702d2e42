"""Readers of what a PBX wrote down by itself (CEL, queue_log, CDR), for calls that ended while nobody watched."""
