"""Weeks of telephone traffic for many tenants from a seed, with noise and faults, played to the real detection.

What is simulated is the telephone network and the people; what judges them is the real thing. See docs/simulator.md.
"""
