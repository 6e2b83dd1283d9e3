cdef class Fields:
    cdef public object headers
    cdef public dict hop
    cdef public frozenset options

cpdef Fields read_fields(bytes head, start, most, strict=*)
