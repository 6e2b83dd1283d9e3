cdef class Lease:
    cdef public bint _released
    cdef public object server
    cpdef release(self)
