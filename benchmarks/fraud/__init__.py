"""Strangers who would have us dial at somebody's expense: their numbers, and the houses they try them on."""
