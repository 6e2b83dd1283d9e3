from toron.core.message cimport Request
from toron.wire.events cimport RequestHead
from toron.wire.headers cimport Headers

cdef class HttpSite:
    cdef public object _date
    cdef public double _date_until
    cdef public object agreement
    cdef public object body_limit
    cdef public object body_seconds
    cdef public bint draining
    cdef public bint encoded_slashes
    cdef public object fields_most
    cdef public object finished
    cdef public object forwarding
    cdef public object head_most
    cdef public object head_seconds
    cdef public object keepalive_seconds
    cdef public object listener
    cdef public object log
    cdef public object max_requests
    cdef public object new_id
    cdef public bint patient
    cdef public object port
    cdef public object random
    cdef public object reactor
    cdef public object scheme
    cdef public object service
    cdef public object stats
    cdef public object streams_most
    cdef public object sweep
    cdef public object unread
    cdef public object wall
    cdef public object write_seconds
    cpdef date(self)
    cpdef Request origin(self, connection)
    cpdef Request request(self, Request origin, RequestHead head)
    cpdef check(self, Request request, length)
    cpdef ask(self, Request request, answered)
