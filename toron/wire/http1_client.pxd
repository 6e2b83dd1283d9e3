from toron.wire.events cimport RequestHead
from toron.wire.headers cimport Headers
from toron.wire.http1_fields cimport Fields, read_fields
from toron.wire.http1_framing cimport Framing

cdef class ClientCodec(Framing):
    cdef public object _interim
    cdef public object _keeps_open
    cdef public object _method
    cdef public object _offered
    cdef public object answered
    cpdef list receive(self, data)
    cpdef _receive(self, data, list events)
    cpdef _read_head(self, head, list events)
    cpdef send(self, event)
    cpdef _say_head(self, RequestHead head)
