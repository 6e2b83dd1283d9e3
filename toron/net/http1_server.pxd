from toron.core.body cimport Body
from toron.core.message cimport Request, Response
from toron.net.http_site cimport HttpSite
from toron.wire.events cimport RequestHead
from toron.wire.headers cimport Headers
from toron.wire.http1_server cimport ServerCodec


cdef class HttpServer:
    cdef public Body _body
    cdef public Request _origin
    cdef public bint _closing
    cdef public ServerCodec _codec
    cdef public bint _continued
    cdef public object _descriptor
    cdef public bint _full
    cdef public object _grace
    cdef public bint _half_closed
    cdef public object _held_up
    cdef public object _lingered
    cdef public object _patience
    cdef public bint _reading
    cdef public object _relay
    cdef public Body _response
    cdef public object _sent
    cdef public object _served
    cdef public object _signs
    cdef public HttpSite _site
    cdef public object _status
    cdef public object _taken
    cdef public object _task
    cdef public bint closed
    cdef public object connection
    cdef public object deadline
    cdef public object ended
    cdef public Request request
    cdef public object transport
    cpdef dataReceived(self, data)
    cpdef _read(self, data)
    cpdef _take(self, list events)
    cpdef Request _begin(self, RequestHead head)
    cpdef _serve(self, Request request)
    cpdef _respond(self, Response response, refusal=*)
    cpdef body_data(self, data)
    cpdef body_end(self, trailers)
    cpdef body_flush(self)
    cpdef _write(self)
    cpdef _finish(self, reason, detail)
    cpdef _forgive(self)
    cpdef _rearm(self)
    cpdef _look_away(self)
