from toron.core.body cimport Body
from toron.core.message cimport Response
from toron.net.http_exchange cimport UpstreamExchange
from toron.wire.events cimport RequestHead, ResponseHead


cdef class UpstreamStream(UpstreamExchange):
    cdef public Response _answered
    cdef public object _connection
    cdef public bint _ended
    cdef public Body _fed
    cdef public object _number
    cdef public long _untaken
    cdef public bint answered
    cpdef begin(self, RequestHead head, Body body, inform, seconds, over)
    cpdef head(self, ResponseHead head)
    cpdef data(self, data)
    cpdef end(self, trailers)
    cpdef settle(self)
    cpdef body_data(self, data)
    cpdef body_end(self, trailers)
    cpdef body_flush(self)
    cpdef _finished(self)
    cpdef _leave(self, error)
