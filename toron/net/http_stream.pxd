from toron.core.body cimport Body
from toron.core.message cimport Request, Response
from toron.net.http_site cimport HttpSite
from toron.wire.events cimport RequestHead


cdef class HttpStream:
    cdef public Body _body
    cdef public object _carrier
    cdef public bint _continued
    cdef public Body _fed
    cdef public bint _fresh
    cdef public long _full
    cdef public bint _headed
    cdef public bint _held
    cdef public bytes _key
    cdef public long _left
    cdef public long _lingers
    cdef public Body _response
    cdef public long _sent
    cdef public bint _silent
    cdef public HttpSite _site
    cdef public long _status
    cdef public bint _stopped
    cdef public object _task
    cdef public object _tunnel
    cdef public long _untaken
    cdef public object connection
    cdef public object deadline
    cdef public object number
    cdef public Request request
    cpdef begin(self, RequestHead head)
    cpdef data(self, data)
    cpdef end(self, trailers)
    cpdef settle(self)
    cpdef _serve(self, Request request)
    cpdef _respond(self, Response response, refusal)
    cpdef body_data(self, data)
    cpdef body_end(self, trailers)
    cpdef body_flush(self)
    cpdef _finish(self, reason, detail)
    cpdef _leave(self)
    cpdef _rearm(self)
