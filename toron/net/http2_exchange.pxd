from toron.core.body cimport Body
from toron.core.message cimport Response
from toron.wire.events cimport RequestHead, ResponseHead


cdef class UpstreamStream:
    cdef public object _answer
    cdef public Response _answered
    cdef public Body _body
    cdef public object _connection
    cdef public bint _ended
    cdef public bint _expecting
    cdef public Body _fed
    cdef public long _full
    cdef public object _idle_seconds
    cdef public object _inform
    cdef public object _number
    cdef public object _over
    cdef public bint _paused
    cdef public Body _request_body
    cdef public object _response_seconds
    cdef public object _sweep
    cdef public long _untaken
    cdef public bint answered
    cdef public object deadline
    cdef public bint used
    cpdef begin(self, RequestHead head, Body body, inform, seconds, over)
    cpdef head(self, ResponseHead head)
    cpdef data(self, data)
    cpdef end(self, trailers)
    cpdef settle(self)
    cpdef body_data(self, data)
    cpdef body_end(self, trailers)
    cpdef body_flush(self)
    cpdef _rearm(self)
    cpdef _finished(self)
    cpdef _leave(self, error)
