from toron.wire.events cimport ResponseHead
from toron.wire.headers cimport Headers
from toron.wire.http1_fields cimport Fields, read_fields
from toron.wire.http1_framing cimport Framing

cdef class ServerCodec(Framing):
    cdef public object keeps_open
    cdef public object close_next
    cdef public object _ended
    cdef public object _method
    cdef public object _offered
    cdef public object _version
    cdef public object _trailers_wanted
    cpdef list receive(self, data)
    cpdef _receive(self, data, list events)
    cpdef _read_head(self, head, list events)
    cpdef send(self, event)
    cpdef _say_head(self, ResponseHead head)
