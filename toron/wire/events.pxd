from toron.wire.headers cimport Headers


cdef class RequestHead:
    cdef public object method
    cdef public object target
    cdef public Headers headers
    cdef public object authority
    cdef public object version
    cdef public object length
    cdef public object upgrade
    cdef public object expects_continue
    cdef public object accepts_trailers

cdef class ResponseHead:
    cdef public object status
    cdef public Headers headers
    cdef public object reason
    cdef public object version
    cdef public object length
    cdef public object upgrade

cdef class Data:
    cdef public object data

cdef class End:
    cdef public object trailers

cdef class Upgraded:
    cdef public object data

cdef class Reset:
    cdef public object code
    cdef public object unprocessed

cdef class Room:
    pass

cdef class GoingAway:
    cdef public object code
    cdef public object detail
