from toron.wire.headers cimport Headers


cdef class Response:
    cdef public object body
    cdef public Headers headers
    cdef public object reason
    cdef public object status
    cdef public object tunnel
    cdef public object upgrade
    cdef public object word


cdef class Request:
    cdef public bint accepts_trailers
    cdef public object answered_after
    cdef public object arrived
    cdef public object asked
    cdef public object backend
    cdef public object body
    cdef public object captures
    cdef public object client_fields
    cdef public object client_ip
    cdef public bint expects_continue
    cdef public Headers headers
    cdef public object host
    cdef public object id
    cdef public object inform
    cdef public object listener
    cdef public object local
    cdef public object method
    cdef public object middleware
    cdef public object notes
    cdef public object path
    cdef public object peer
    cdef public object peer_ip
    cdef public object peer_port
    cdef public object port
    cdef public object prefix
    cdef public object query
    cdef public object retries
    cdef public object route
    cdef public object route_path
    cdef public object scheme
    cdef public object server
    cdef public object tls
    cdef public object trail
    cdef public bint trusted_peer
    cdef public object upgrade
    cdef public object version
