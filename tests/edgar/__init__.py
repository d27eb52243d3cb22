"""Tests of the EDGAR source against a local server that speaks EDGAR's protocol."""
