"""Measurements that are run by hand or by `make bench`, never by the tests.

What belongs here: timings, synthetic load, the search for the index's definition. What does not: anything a refresh needs.
"""
