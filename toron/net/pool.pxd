from toron.net.http1_client cimport UpstreamConnection


cdef class Pool:
    cdef public object _sweep
    cdef public object _dialer
    cdef public object _response_idle
    cdef public object opened
    cdef public object _size
    cdef public object _idle
    cdef public dict _servers
    cpdef UpstreamConnection take(self, server, certain)
