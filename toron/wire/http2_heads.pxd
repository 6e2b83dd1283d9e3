cimport cython

from toron.wire.events cimport RequestHead, ResponseHead
from toron.wire.headers cimport Headers

cdef dict _SAID
cdef list _STATUSES

@cython.locals(field=tuple)
cpdef _add(list fields, list made)

@cython.locals(made=list)
cpdef list response_fields(status, Headers headers, length)

@cython.locals(made=list)
cpdef list request_fields(RequestHead head, scheme, length)
