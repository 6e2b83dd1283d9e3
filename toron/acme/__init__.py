"""Certificates that renew themselves: a client of ACME directories (RFC 8555)."""
