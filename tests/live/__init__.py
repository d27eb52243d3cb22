"""Refreshes from a local server that speaks EDGAR's protocol, from the command to the published file."""
