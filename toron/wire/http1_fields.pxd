from toron.wire.headers cimport Headers, headers_of


cdef class Fields:
    cdef public Headers headers
    cdef public dict hop
    cdef public frozenset options

cpdef Fields read_fields(bytes head, start, most, strict=*)
