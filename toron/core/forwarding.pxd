from toron.core.message cimport Request

cpdef list outgoing(Request request, trusted_peer, forwarded)
