from toron.core.body cimport Body


cdef class UpstreamExchange:
    cdef public object _answer
    cdef public Body _body
    cdef public bint _expecting
    cdef public long _full
    cdef public object _idle_seconds
    cdef public object _inform
    cdef public object _over
    cdef public bint _paused
    cdef public Body _request_body
    cdef public object _response_seconds
    cdef public object _sweep
    cdef public object deadline
    cdef public bint used
    cpdef _set_up(self, sweep, idle_seconds)
    cpdef _rearm(self)
