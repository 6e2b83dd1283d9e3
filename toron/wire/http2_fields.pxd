cimport cython

from toron.wire.events cimport RequestHead, ResponseHead
from toron.wire.headers cimport headers_of
from toron.wire.http2_sections cimport kind_of, sort

cdef int _METHOD
cdef int _SCHEME
cdef int _AUTHORITY
cdef int _PATH
cdef int _PROTOCOL
cdef dict _PSEUDO


@cython.locals(held=dict, field=tuple, passed=list, index=dict, place=int, start=Py_ssize_t)
cpdef RequestHead read_request(list fields, bint ended, most)

@cython.locals(held=dict, passed=list, index=dict)
cpdef ResponseHead read_response(list fields, most)

@cython.locals(field=tuple)
cpdef read_trailers(list fields, most)
